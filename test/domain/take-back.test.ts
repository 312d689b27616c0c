import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Approval, type Approver, STATES } from '../../src/domain/approval/approval.ts';
import { judgeTakeBack, takenBackNote, yesTakenBack } from '../../src/domain/approval/take-back.ts';
import { currentOf, FINGERPRINT, OPENED, sampleApproval } from '../support/domain/approval.ts';

const MIRA: Approver = { id: 'U0MIRA', via: 'slack', userGroups: [] };
const SAM: Approver = { id: 'U0SAM', via: 'slack', userGroups: [] };
const EVE: Approver = { id: 'U0EVE', via: 'slack', userGroups: [] };
const soon = new Date(OPENED.getTime() + 60_000);
const later = new Date(OPENED.getTime() + 3_600_000);

const approved = (different: Parameters<typeof sampleApproval>[0] = {}): Approval =>
  sampleApproval({ state: 'approved', pickupUntil: later, ...different });
const say = (approval: Approval, approver: Approver, reason: string | null = 'no', now = soon): string => {
  const judgement = judgeTakeBack(approval, { reason, fingerprint: null }, approver, now, currentOf(approval));
  return judgement.kind === 'taken_back' ? `back: ${judgement.reason}` : judgement.reason;
};

describe('a yes that is taken back', () => {
  test('P1: whoever may approve it may take it back, and the owner, and nobody else', () => {
    assert.equal(say(approved(), MIRA), 'back: no');
    assert.equal(say(approved(), SAM), 'back: no');
    assert.equal(say(approved(), EVE), 'not_an_approver');
    assert.equal(say(approved({ requirement: { people: ['U0SAM'] } }), SAM), 'back: no');
    assert.equal(say(approved({ owner: null }), SAM), 'not_an_approver');
    assert.equal(say(approved(), { id: 'admin', via: 'api', userGroups: [] }), 'not_an_approver');
    assert.equal(say(approved({ requirement: { admin: true } }), { ...MIRA, id: 'admin' }), 'back: no');
    assert.equal(
      say(approved({ requirement: { people: [], userGroups: ['S1'] } }), { ...EVE, userGroups: ['S1'] }),
      'back: no',
    );
  });

  test('P3: only an unused yes can be taken back, while it can still be used', () => {
    for (const state of STATES.filter((one) => one !== 'approved')) {
      assert.equal(say(sampleApproval({ state }), MIRA), 'not_approved', state);
    }
    assert.equal(say(approved(), MIRA, 'no', new Date(later.getTime() - 1)), 'back: no');
    assert.equal(say(approved(), MIRA, 'no', later), 'not_approved');
  });

  test('a reason may be required; another call’s fingerprint takes nothing back', () => {
    const strict = approved({ requirement: { denyReason: 'required' } });
    assert.equal(say(strict, MIRA, ' \n'), 'reason_required');
    assert.equal(say(strict, SAM, null), 'reason_required');
    assert.equal(say(strict, MIRA, ' late '), 'back: late');
    assert.equal(say(approved(), MIRA, '  '), 'back: null');
    const other = judgeTakeBack(
      approved(),
      { reason: null, fingerprint: `0${FINGERPRINT.slice(1)}` },
      MIRA,
      soon,
      currentOf(approved()),
    );
    assert.equal(other.kind === 'refused' && other.reason, 'other_call');
  });

  test('the note says by whom and why, and is read back as it was written', () => {
    for (const back of [
      { by: 'U0MIRA', reason: null },
      { by: 'admin', reason: 'two: lines\nof it' },
    ]) {
      assert.deepEqual(yesTakenBack({ state: 'lapsed', note: takenBackNote(back) }), back);
    }
    assert.equal(yesTakenBack({ state: 'lapsed', note: 'nobody collected it in time' }), null);
    assert.equal(yesTakenBack({ state: 'lapsed', note: null }), null);
    assert.equal(yesTakenBack({ state: 'unknown', note: takenBackNote({ by: 'U0MIRA', reason: null }) }), null);
  });
});
