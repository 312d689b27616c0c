import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Unavailable, Unstorable } from '../../src/ports.ts';
import { guarded } from '../../src/sql/connection/guard.ts';

/** What Postgres says, and what it means for whoever asked. */
const CODES: readonly (readonly [code: string, bad: boolean, words: RegExp])[] = [
  ['22021', true, /cannot keep a value/],
  ['22P02', true, /cannot keep a value/],
  ['22P05', true, /cannot keep a value/],
  ['22003', true, /cannot keep a value/],
  ['54000', true, /cannot keep a value/],
  ['53100', false, /accepts no writes/],
  ['25006', false, /accepts no writes/],
  ['ENOSPC', false, /accepts no writes/],
  ['53300', false, /has no free connection/],
  ['57014', false, /did not answer/],
  ['ECONNREFUSED', false, /did not answer/],
];

for (const [code, bad, words] of CODES) {
  test(`P6: ${code} is ${bad ? 'bad input' : 'an outage'}`, async () => {
    const { verb, ping } = guarded({
      verb: () => Promise.reject(Object.assign(new Error('no'), { code })),
      ping: async () => undefined,
    });
    const error = await verb().catch((reason: unknown) => reason);
    assert.ok(error instanceof Unavailable);
    assert.equal(error instanceof Unstorable, bad);
    assert.match(error.message, words);
    // Bad input says nothing about the database.
    if (bad) await ping();
  });
}
