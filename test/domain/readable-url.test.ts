import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whyUnreadable } from '../../src/web/http/readable-url.ts';

const AT = 'http://127.0.0.1:8787';
const LONG = 'x'.repeat(3_000);

for (const path of [
  '/',
  '/api/approvals/ap_01',
  '/api/events?text=100%25&tool=a+b&since=2026-11-22T10:00',
  '/audit?text=%E2%82%AC%20%F0%9F%98%80',
  '/console/app.js?x',
  '/?',
  '/a?b=c=d&&e',
  `/audit?text=${LONG}`,
  '/audit#%00',
]) {
  test(`P6: ${path.slice(0, 60)} can be read`, () => assert.equal(whyUnreadable(`${AT}${path}`), null));
}

for (const [path, why] of [
  ['/api/approvals/%00', /path holds a NUL byte/],
  ['/api/approvals/a%00b/decisions', /path holds a NUL byte/],
  ['/api/events?approval=%00', /query holds a NUL byte/],
  ['/api/events?%00=1', /query holds a NUL byte/],
  ['/api/approvals/%ff', /no UTF-8 text/],
  ['/api/approvals/%ed%a0%80', /no UTF-8 text/],
  ['/api/approvals/100%', /no UTF-8 text/],
  ['/audit?text=%zz', /no UTF-8 text/],
  [`/api/approvals/${LONG}`, /path has 3000 characters; at most 256/],
  [`/audit?text=${LONG}${LONG}`, /query has 6000 characters; at most 4096/],
] as const) {
  test(`P6: ${path.slice(0, 60)} cannot, and it is said why`, () => assert.match(whyUnreadable(`${AT}${path}`)!, why));
}
