import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonBeginning } from '../../src/domain/json/beginning.ts';
import type { Json } from '../../src/domain/json/json.ts';
import { renderDigest } from '../../src/slack/card/digest.ts';
import { homeView } from '../../src/slack/card/home-view.ts';
import { cut } from '../../src/text/cut.ts';
import { sampleApproval } from '../support/domain/approval.ts';

const VALUES: readonly Json[] = [
  ...[null, true, 0, -1.5e30, '', 'plain', '"\\\n\u2028', '😀😀😀😀', 'x'.repeat(50)],
  ...[[], {}, [[]], [{}], [1, [2, [3, 'four']], null], { a: 1, 'b"': { c: ['d', { e: false }] }, f: 'g'.repeat(30) }],
  { '': '', ['😀'.repeat(12)]: ['😀'.repeat(12)] },
];

test('the beginning of a JSON text is that of the whole text, however short it is cut', () => {
  for (const value of VALUES) {
    const whole = JSON.stringify(value);
    for (let most = 1; most < whole.length + 3; most += 1) {
      const begun = jsonBeginning(value, most);
      assert.equal(cut(begun, most), cut(whole, most), `${whole} at ${most}`);
    }
    assert.equal(jsonBeginning(value, whole.length), whole);
  }
});

/** Arguments of which nothing behind the first is to be read. */
function unread(first: Json): Json {
  const late = { enumerable: true, get: () => assert.fail('what does not fit was read') };
  return Object.defineProperties({ first }, { late, later: late }) as unknown as Json;
}

test('P5: a call of megabytes costs a burst’s message and a Home no more than what they say of it', () => {
  for (const value of [unread('x'.repeat(1_000)), unread(Array.from({ length: 2_000 }, (_, n) => n))]) {
    const approval = sampleApproval({ arguments: value });
    assert.match(jsonBeginning(value, 140), /^\{"first":/);
    assert.match(
      renderDigest({ kind: 'grant', calls: [{ approval, card: null, freeze: null }] }, { publicUrl: null }).content,
      /first/,
    );
    assert.match(JSON.stringify(homeView({ calls: [approval], total: 1 }, null)), /first/);
  }
});
