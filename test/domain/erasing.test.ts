import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { State } from '../../src/domain/approval/approval.ts';
import { type EraseRefusal, erasedCall, judgeErasure } from '../../src/domain/approval/erase.ts';
import type { Json, JsonObject } from '../../src/domain/json/json.ts';
import { commitmentText, enclosedIn, erasablePart, isDisclosed, withDisclosed } from '../../src/domain/log/enclosed.ts';
import { renderCard } from '../../src/slack/card/card.ts';
import { proof } from '../../src/vault/proof.ts';
import { vault } from '../../src/vault/vault.ts';
import { sampleApproval } from '../support/domain/approval.ts';

const NOW = new Date('2026-11-30T12:00:00Z');
const LATER = new Date('2026-11-30T12:30:00Z');
const NOBODY = { owedUntil: null, taskUntil: null, cardRuns: false };
const ERASURE = { by: 'admin', at: '2026-11-30T12:00:00.000Z', reason: 'asked for by the customer' };

test('P2: only what is over and collected is erased, and only once', () => {
  const rows: readonly [State, Partial<typeof NOBODY> | Record<string, unknown>, number, EraseRefusal | null][] = [
    ['pending', {}, 0, 'live'],
    ['approved', {}, 0, 'live'],
    ['dispatched', {}, 0, 'live'],
    ['succeeded', {}, 0, null],
    ['unknown', {}, 0, null],
    ['denied', { owedUntil: LATER }, 0, null],
    ['denied', { owedUntil: LATER }, 1, 'owed'],
    ['succeeded', { owedUntil: NOW }, 1, null],
    ['succeeded', { taskUntil: LATER }, 0, 'owed'],
    ['succeeded', { taskUntil: NOW }, 0, null],
    ['succeeded', { cardRuns: true }, 0, 'card'],
  ];
  for (const [state, more, callers, why] of rows) {
    const row = { ...NOBODY, ...more } as Parameters<typeof judgeErasure>[1];
    assert.equal(judgeErasure(sampleApproval({ state, callers }), row, NOW), why, `${state} ${JSON.stringify(more)}`);
  }
  const before = sampleApproval({ state: 'denied' });
  const erased = { ...before, ...erasedCall(before, ERASURE) };
  assert.equal(judgeErasure(erased, NOBODY, NOW), 'erased');
  // Of a row that somebody changed the log says whether it was, and whether the call is over.
  const changed = { ...erased, broken: 'unsealed' as const };
  assert.equal(judgeErasure(changed, NOBODY, NOW), null);
  assert.equal(judgeErasure(changed, { ...NOBODY, logged: true }, NOW), 'erased');
  assert.equal(judgeErasure(changed, { ...NOBODY, unended: true }, NOW), 'live');
});

test('P7: what is left of an erased call says who asked, what policy said and who decided, and nothing of the call', () => {
  const before = sampleApproval({
    state: 'succeeded',
    statedReason: 'for Ada',
    laterReasons: ['for Ada too'],
    asked: { n: 1, kind: 'request', text: '"Ada?"' },
    answers: [{ at: NOW.toISOString(), leg: null, digest: 'd', text: '"Ada!"' }],
    arguments: { name: 'Ada' },
    sent: { params: {}, meta: { of: 'Ada' }, headers: {} },
    counterOf: {
      approval: 'ap_1',
      by: 'U0MIRA',
      via: 'slack',
      depth: 1,
      changes: [{ path: 'name', before: null, after: '"Ada"' }],
      more: 0,
    },
  });
  const trace = { ...before.trace, salt: 'aa', summary: [{ kind: 'text', text: 'Ada' }] as never };
  const left = erasedCall({ ...before, trace }, ERASURE);
  assert.doesNotMatch(JSON.stringify(left), /Ada|"salt"/);
  assert.deepEqual(left.arguments, { erased: 'erased by admin on 2026-11-30: asked for by the customer' });
  assert.deepEqual(
    [left.trace.rule, left.trace.steps, left.trace.erased],
    [before.trace.rule, before.trace.steps, ERASURE],
  );
  assert.equal(left.counterOf?.by, 'U0MIRA');
});

test('only what is about the call is taken out of an event', () => {
  const rows: readonly [string, JsonObject, JsonObject | null][] = [
    ['approval.requested', { fingerprint: 'f', arguments: { a: 1 }, quorum: 1 }, { arguments: { a: 1 } }],
    ['approval.requested', { fingerprint: 'f', statedReason: null, arguments: {} }, null],
    ['answer.given', { digest: 'd', answers: { x: 1 } }, { answers: { x: 1 } }],
    ['approval.decided', { reason: 'fine', arguments: { a: 1 } }, null],
    ['constructor', { arguments: { a: 1 } }, null],
  ];
  for (const [type, data, taken] of rows) assert.deepEqual(erasablePart(type, data)?.taken ?? null, taken, type);
  // What is disclosed cannot say anything else of the event.
  const data: JsonObject = { fingerprint: 'f', enclosed: { box: 'x1', commitment: 'c' } };
  assert.deepEqual(withDisclosed('approval.requested', data, { arguments: 1, fingerprint: 'forged' }), {
    fingerprint: 'f',
    arguments: 1,
  });
});

test('P7: a commitment is to one data of one event of one approval, whatever salt is given', () => {
  const salt = 'ab'.repeat(32);
  const place = { approval: 'ap_1', type: 'approval.requested' };
  const data: JsonObject = { arguments: { amount: 5 } };
  const commitment = proof().sha256(commitmentText(place, { salt, data }));
  const text = (more: Record<string, Json> = {}) =>
    JSON.stringify({ ...place, data: { enclosed: { box: 'x1', commitment } }, ...more });
  const shown = { commitment, salt, data };
  assert.equal(isDisclosed(proof(), text(), shown), true);
  const others: readonly [string, Parameters<typeof isDisclosed>[2]][] = [
    [text(), { ...shown, data: { arguments: { amount: 6 } } }],
    [text(), { ...shown, salt: 'ac'.repeat(32) }],
    [text({ approval: 'ap_2' }), shown],
    [text({ type: 'answer.given' }), shown],
    [text({ data: {} }), shown],
    ['no JSON "enclosed":{"box":', shown],
  ];
  for (const [body, disclosed] of others) assert.equal(isDisclosed(proof(), body, disclosed), false, body);
  assert.equal(enclosedIn({ enclosed: { box: 'x1', commitment: 'short' } }), null);
});

test('P8: a ciphertext opens by its own key and for its own event only, and rotation keeps the key', () => {
  const [old, both, only] = [
    vault(['old'.repeat(20)]),
    vault(['new'.repeat(20), 'old'.repeat(20)]),
    vault(['new'.repeat(20)]),
  ];
  const key = old.random(32);
  const box = old.enclose(key, 'ap_1\napproval.requested', 'for Ada ✓');
  assert.match(box, /^x1[0-9a-f]+$/);
  assert.notEqual(box, old.enclose(key, 'ap_1\napproval.requested', 'for Ada ✓'));
  assert.equal(only.disclose(key, 'ap_1\napproval.requested', box), 'for Ada ✓');
  const last = box.at(-1) === '0' ? '1' : '0';
  for (const [k, name, text] of [
    [old.random(32), 'ap_1\napproval.requested', box],
    [key, 'ap_2\napproval.requested', box],
    [key, 'ap_1\napproval.requested', `${box.slice(0, -1)}${last}`],
    [key, 'ap_1\napproval.requested', `${box}zz`],
    [key, 'ap_1\napproval.requested', 'x1'],
  ] as const) {
    assert.throws(() => old.disclose(k, name, text), text.slice(0, 20));
  }
  const wrapped = old.seal('erasable', 'ap_1', new TextEncoder().encode(key));
  const again = both.seal('erasable', 'ap_1', both.open('erasable', 'ap_1', wrapped));
  assert.equal(new TextDecoder().decode(only.open('erasable', 'ap_1', again)), key);
  assert.throws(() => only.open('erasable', 'ap_1', wrapped));
  assert.throws(() => both.open('erasable', 'ap_2', wrapped));
});

test('P8: a card’s digest is salted where its call can be erased, and is what it was where it cannot', () => {
  const approval = sampleApproval();
  const salted = (salt: string) => renderCard({ ...approval, trace: { ...approval.trace, salt } });
  const [plain, one, other] = [renderCard(approval), salted('aa'.repeat(16)), salted('bb'.repeat(16))];
  assert.equal(new Set([plain.digest, one.digest, other.digest]).size, 3);
  assert.match(String(plain.blocks[0]!.block_id), /^r1\.0$/);
  assert.equal(one.blocks[0]!.block_id, `r1.0.${'aa'.repeat(16)}`);
  assert.deepEqual(one.blocks.slice(1), plain.blocks.slice(1));
  assert.equal(one.content, plain.content.replace('"r1.0"', `"r1.0.${'aa'.repeat(16)}"`));
});
