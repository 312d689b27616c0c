import assert from 'node:assert/strict';
import { test } from 'node:test';
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
