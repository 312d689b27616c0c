import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { placesHiddenByName } from '../../src/domain/call/hidden-places.ts';
import { redactCall } from '../../src/domain/call/redact-call.ts';
import { NOTHING_MORE } from '../../src/domain/call/sent.ts';
import type { JsonObject } from '../../src/domain/json/json.ts';
import { redactionOf } from '../../src/domain/policy/rule.ts';
import { policyOf } from '../support/domain/policy.ts';

/** The places, in a call that this policy's `redact` hides. */
function places(args: JsonObject, redact: readonly string[], sent: Partial<typeof NOTHING_MORE> = {}) {
  const redaction = redactionOf(policyOf({ tools: { t: { redact } } }), 't');
  return placesHiddenByName(redactCall({ args, sent: { ...NOTHING_MORE, ...sent } }, redaction));
}

describe('P10: which hidden values only their names hide', () => {
  const MIXED = { seed: 's', login: { token: 't' } };
  test('beside those that policy hides', () => {
    assert.deepEqual(places(MIXED, ['args.seed']), ['login.token']);
    assert.deepEqual(places({ a: [{ 'x.api_key': 'k' }] }, ['args.seed']), ['a[0]["x.api_key"]']);
    assert.deepEqual(places({ tokens: ['a', 'b'], seed: 1 }, ['args.seed']), ['tokens[0]', 'tokens[1]']);
  });
  test('in whatever is sent', () => {
    const sent = { params: { key: { secret: 1 } }, meta: { token: 'x' }, headers: { 'mcp-param-region': 'eu' } };
    const args = { password: 'eu', seed: 1 };
    const all = ['password', 'params.key.secret', 'meta.token', 'header mcp-param-region'];
    assert.deepEqual(places(args, ['args.seed'], sent), all);
    assert.deepEqual(places(args, [], sent), all);
  });
  test('not where policy hides one of them, or the agent sent the mark, or there are many', () => {
    assert.deepEqual(places({ ...MIXED, token: 'u' }, ['args.token']), []);
    assert.deepEqual(
      placesHiddenByName({
        arguments: { token: '[redacted]', note: '[redacted]' },
        sent: NOTHING_MORE,
        hidden: { byPolicy: 0, byName: 1 },
      }),
      [],
    );
    assert.deepEqual(places({ tokens: ['a', 'b', 'c', 'd', 'e', 'f'] }, []), []);
    assert.deepEqual(places({ [`${'x'.repeat(200)}_token`]: 'a' }, []), []);
    assert.deepEqual(places({ seed: 1 }, ['args.seed']), []);
  });
});
