import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfig } from '../../src/config/config-file.ts';
import { faultText } from '../../src/config/document/fault.ts';
import { standingOf } from '../../src/config/standing.ts';
import { judgeAccess } from '../../src/domain/people/access.ts';
import type { ProvenIdentity } from '../../src/domain/people/identity.ts';

function configOf(text: string) {
  return parseConfig(`version: "1"\n${text}`, { path: 'holdfast.yaml', env: {} });
}

function faultsOf(text: string): string {
  const read = configOf(text);
  return read.ok ? '' : read.faults.map(faultText).join('\n');
}

const ISSUER = 'https://login.example.com';
const who = (more: Partial<ProvenIdentity> = {}): ProvenIdentity => {
  return { issuer: ISSUER, subject: 'mira', email: null, name: 'Mira', values: [], lacking: null, ...more };
};

describe('oidc in the config', () => {
  for (const [what, text, says] of [
    ['plain http elsewhere', 'oidc: { issuer: "http://login.example.com", client_id: x }', /is not https/],
    ['an issuer with a query', 'oidc: { issuer: "https://x/?a=1", client_id: x }', /query/],
    ['no address', 'oidc: { issuer: x, client_id: x }', /issuer/],
    [
      'an unknown role',
      `oidc: { issuer: "${ISSUER}", client_id: x, roles: { claim: g, map: { a: root } } }`,
      /auditor, approver, operator/,
    ],
    ['a check that comes late', `oidc: { issuer: "${ISSUER}", client_id: x, recheck: 10m }`, /from 1s to 60s/],
    ['a login that is the admin token', 'people: { a: { login: Admin } }', /login/],
    ['a login that is an account’s', 'people: { a: { login: "sub:x" } }', /login/],
    [
      'one subject of two',
      'people: { a: { login: a, subject: s }, b: { login: b, subject: s } }',
      /has the same subject/,
    ],
    ['a subject without a login', 'people: { a: { slack: U0A, subject: s } }', /subject and no login/],
  ] as const) {
    test(`is refused with ${what}`, () => assert.match(faultsOf(text), says));
  }

  test('takes http on this machine, and logins that look like anything', () => {
    assert.equal(faultsOf('oidc: { issuer: "http://localhost:8080/realms/x", client_id: x }'), '');
    assert.equal(
      faultsOf('people: { a: { login: william }, b: { login: sam }, c: { login: ursula@example.com } }'),
      '',
    );
  });
});

describe('Who an account is', () => {
  const read = configOf(
    `people: { mira: { slack: U0MIRA, login: mira }, Eve: { login: Eve, roles: [auditor] } }\noidc: { issuer: "${ISSUER}", client_id: x, roles: { claim: g, map: { night: operator } } }`,
  );
  assert.ok(read.ok);
  const { config } = read;

  test('is told by its subject, exactly', () => {
    const mira = standingOf(config, who());
    assert.deepEqual(mira.kind === 'known' && [mira.id, mira.person], ['U0MIRA', 'mira']);
    assert.equal(standingOf(config, who({ subject: 'MIRA' })).kind, 'refused');
    assert.equal(standingOf(config, who({ subject: 'eve' })).kind, 'refused');
    assert.equal(standingOf(config, who({ subject: 'Eve' })).kind, 'known');
    assert.equal(standingOf(config, who({ subject: 'x', email: 'mira' })).kind, 'refused');
    assert.equal(standingOf(config, who({ issuer: 'https://evil.example' })).kind, 'refused');
  });

  test('and a value of the claim adds roles, and says from where', () => {
    const found = standingOf(config, who({ values: ['night'] }));
    assert.ok(found.kind === 'known');
    assert.deepEqual(found.sources, [
      { role: 'approver', from: 'people.mira.roles' },
      { role: 'operator', from: 'g: night' },
    ]);
  });
});

describe('What a role opens', () => {
  const may = (method: string, path: string): boolean => judgeAccess(new Set(['auditor'] as const), method, path).may;
  test('is by whole paths: none that looks alike', () => {
    assert.equal(may('GET', '/api/events'), true);
    assert.equal(may('HEAD', '/api/events'), true);
    for (const path of [
      '/api/events/',
      '/api/eventsx',
      '/API/events',
      '/api/approvals/',
      '/api/approvals//evidence',
      '//',
    ])
      assert.equal(may('GET', path), false, path);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) assert.equal(may(method, '/api/events'), false);
    assert.equal(judgeAccess(new Set(), 'GET', '/').may, false, 'without a role nothing');
    assert.equal(judgeAccess(null, 'POST', '/anything').may, true, 'the admin token passes');
  });
});
