import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CUE_WORDS, type Cue, cuesOf, type OpeningCue, openingCues } from '../../src/domain/approval/cue.ts';
import { particularsOf } from '../../src/domain/approval/particulars.ts';
import { unusualOf } from '../../src/domain/approval/unusual.ts';
import { renderCard } from '../../src/slack/card/card.ts';
import { dayBegan } from '../../src/time/day.ts';
import { sampleApproval } from '../support/domain/approval.ts';

const SENT = { params: {}, meta: {}, headers: {} };
const NO_CALLS = { known: [], unknown: 0, more: false, unapproved: 0 };

describe('What makes a question look different', () => {
  test('is told by what was sent and asked before, and by drift', () => {
    const cases: readonly [sent: boolean, today: boolean, changed: boolean, cues: readonly OpeningCue[]][] = [
      [true, true, false, []],
      [false, false, false, ['first_use', 'first_today']],
      [true, false, false, ['first_today']],
      [false, true, false, ['first_use']],
      [true, true, true, ['changed_tool']],
      [false, false, true, ['changed_tool', 'first_use', 'first_today']],
    ];
    for (const [sent, today, changed, cues] of cases) assert.deepEqual(openingCues({ sent, today }, changed), cues);
  });

  const { trace } = sampleApproval();
  const withCues = (cues: readonly OpeningCue[], rest: object = {}) =>
    sampleApproval({ trace: { ...trace, cues }, ...rest });

  test('comes gravest first, and ends with the decision', () => {
    const all = withCues(['first_today', 'first_use', 'changed_tool'], { escalatedAt: new Date() });
    assert.deepEqual(cuesOf(all), ['escalated', 'changed_tool', 'first_use', 'first_today']);
    assert.deepEqual(cuesOf({ ...all, state: 'denied' }), []);
  });

  test('is nothing where a record that somebody else wrote says anything else', () => {
    for (const cues of ['first_use', { first_use: true }, [null, 7, 'admin'], 4]) {
      const forged = sampleApproval({ trace: { ...trace, cues: cues as never } });
      assert.deepEqual(cuesOf(forged), []);
    }
  });

  test('a day begins at midnight, UTC', () => {
    assert.equal(dayBegan(new Date('2026-11-30T23:59:59.999Z')).toISOString(), '2026-11-30T00:00:00.000Z');
    assert.equal(dayBegan(new Date('2026-12-01T00:00:00Z')).toISOString(), '2026-12-01T00:00:00.000Z');
  });

  test('is not told a second time by what is unusual', () => {
    const first = unusualOf(particularsOf({ arguments: {}, sent: SENT }, null, new Date(0)), 'bot/issuer', NO_CALLS);
    const facts = { unusual: [...first, [{ text: 'It is 03:00 UTC' }]], preview: null } as never;
    for (const state of ['pending', 'denied'] as const) {
      const card = JSON.stringify(renderCard(withCues(['first_use'], { facts, state })).blocks);
      assert.doesNotMatch(card, /First call of this tool/);
      assert.match(card, /It is 03:00 UTC/);
    }
    assert.match(JSON.stringify(renderCard(withCues(['first_today'], { facts })).blocks), /First call of this tool/);
  });

  test('P10: stands on the card by sign and word, and takes nothing from what is shown of the call', () => {
    const plain = renderCard(sampleApproval());
    for (const cue of ['changed_tool', 'first_use', 'first_today'] as const) {
      const card = renderCard(withCues([cue]));
      const { sign, short, says } = CUE_WORDS[cue satisfies Cue];
      assert.ok(card.text.startsWith(`${sign} ${short} · Approval needed: `), card.text);
      const [header, context] = card.blocks as [{ text: { text: string } }, { elements: { text: string }[] }];
      assert.ok(header.text.text.startsWith(`${sign} ${short} · Approval needed: `));
      assert.ok(context.elements[0]!.text.endsWith(says));
      assert.equal(card.complete, plain.complete);
    }
    assert.ok(renderCard(withCues([], { escalatedAt: new Date() })).text.startsWith('⏫ Escalated · '));
    assert.ok(renderCard(withCues(['first_use'], { state: 'denied' })).text.startsWith('✖ Denied: '));
  });
});
