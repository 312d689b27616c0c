import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isReachedFromHereOnly } from '../../src/main/process/from-here-only.ts';
import { LINK_MS, SignInLinks } from '../../src/web/http/sign-in-links.ts';

const at = (ms: number): Date => new Date(1_800_000_000_000 + ms);

test('a link opens once, and for two minutes', () => {
  const links = new SignInLinks();
  const secret = links.make(at(0));
  assert.match(secret, /^[\w-]{43}$/);
  assert.equal(links.spend(`${secret}x`, at(1)), false);
  assert.equal(links.spend('', at(1)), false);
  assert.equal(links.spend(secret, at(LINK_MS - 1)), true);
  assert.equal(links.spend(secret, at(LINK_MS - 1)), false, 'again');
  const late = links.make(at(0));
  assert.equal(links.spend(late, at(LINK_MS)), false);
  assert.equal(links.spend(late, at(1)), false, 'nor when the clock is put back');
});

test('a clock that was put back makes no link older than it is', () => {
  const links = new SignInLinks();
  const secret = links.make(at(10 * LINK_MS));
  assert.equal(links.spend(secret, at(0)), false);
});

test('links are apart from each other, and few are open at a time', () => {
  const links = new SignInLinks();
  const made = Array.from({ length: 6 }, (_, n) => links.make(at(n)));
  assert.equal(new Set(made).size, 6);
  assert.deepEqual(
    made.map((secret) => links.spend(secret, at(10))),
    [false, false, true, true, true, true],
  );
});

test('where the console can be reached from elsewhere, no link is offered', () => {
  const here = { listen: { host: '127.0.0.1', port: 8787 }, publicUrl: null, trustedProxies: [] };
  const cases: [Partial<Parameters<typeof isReachedFromHereOnly>[0]>, boolean][] = [
    [{}, true],
    [{ listen: { host: 'localhost', port: 1 } }, true],
    [{ listen: { host: '::1', port: 1 } }, true],
    [{ listen: { host: '127.0.0.2', port: 1 } }, true],
    [{ publicUrl: 'http://localhost:8787' }, true],
    [{ listen: { host: '0.0.0.0', port: 1 } }, false],
    [{ listen: { host: '::', port: 1 } }, false],
    [{ listen: { host: '10.0.0.5', port: 1 } }, false],
    [{ listen: { host: '127.0.0.1.example.com', port: 1 } }, false],
    [{ listen: { host: 'localhost.example.com', port: 1 } }, false],
    [{ publicUrl: 'https://holdfast.example.com' }, false],
    [{ publicUrl: 'https://127.0.0.1.example.com' }, false],
    [{ trustedProxies: ['127.0.0.1'] }, false],
  ];
  for (const [more, expected] of cases)
    assert.equal(isReachedFromHereOnly({ ...here, ...more }), expected, JSON.stringify(more));
});
