import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Approval, Approver, Decision, State } from '../../src/domain/approval/approval.ts';
import { STATES } from '../../src/domain/approval/approval.ts';
import { type DecisionRequest, type Judgement, judgeDecision, withDecision } from '../../src/domain/approval/decide.ts';
import { currentOf, FINGERPRINT, OPENED, sampleApproval } from '../support/domain/approval.ts';

const MIRA: Approver = { id: 'U0MIRA', via: 'slack', userGroups: [] };
const ALEX: Approver = { id: 'U0ALEX', via: 'slack', userGroups: [] };
const SAM: Approver = { id: 'U0SAM', via: 'slack', userGroups: [] };
const EVE: Approver = { id: 'U0EVE', via: 'slack', userGroups: [] };
const ADMIN: Approver = { id: 'admin', via: 'api', userGroups: [] };
const APPROVE: DecisionRequest = { choice: 'approve', reason: null, fingerprint: FINGERPRINT };
const DENY: DecisionRequest = { choice: 'deny', reason: 'no', fingerprint: FINGERPRINT };

const soon = new Date(OPENED.getTime() + 60_000);
const vote = (approver: string, choice: Decision['choice'] = 'approve'): Decision => ({
  approver,
  choice,
  reason: null,
  via: 'slack',
  self: false,
  userGroup: null,
  at: OPENED,
});
/** Judged by a configuration that has not changed. */
const judged = (approval: Approval, word: DecisionRequest, approver: Approver, now: Date): Judgement =>
  judgeDecision(approval, word, approver, now, currentOf(approval));
/** `approved`, `denied`, `pending`, or the refusal. */
const outcome = (judgement: Judgement): string => (judgement.kind === 'recorded' ? judgement.next : judgement.reason);
const say = (
  approval: Approval,
  approver: Approver = MIRA,
  word: DecisionRequest = APPROVE,
  now: Date = soon,
): string => outcome(judged(approval, word, approver, now));
const pending = sampleApproval;

describe('one human’s word', () => {
  test('P1: only an eligible person’s approval counts', () => {
    assert.equal(say(pending()), 'approved');
    assert.equal(say(pending(), EVE), 'not_an_approver');
    assert.equal(say(pending(), EVE, DENY), 'not_an_approver');
    assert.equal(say(pending({ requirement: { people: [] } })), 'not_an_approver');
  });

  test('P1: the owner may not approve the calls of their own agent, unless the grant says so, but may deny them', () => {
    const named = { people: ['U0SAM', 'U0MIRA'] };
    assert.equal(say(pending({ requirement: named }), SAM), 'own_call');
    assert.equal(say(pending({ requirement: named }), SAM, DENY), 'denied');
    assert.equal(say(pending(), SAM, DENY), 'denied', 'also where no group names them');
    assert.equal(say(pending(), SAM), 'not_an_approver');
    assert.equal(say(pending({ owner: null }), SAM, DENY), 'not_an_approver');
    const strict = pending({ requirement: { denyReason: 'required' } });
    assert.equal(say(strict, SAM, { ...DENY, reason: null }), 'reason_required');
    const denied = judged(pending(), DENY, SAM, soon);
    assert.equal(denied.kind === 'recorded' && denied.decision.self, false, 'self_approval was not used');
    const allowed = judged(pending({ requirement: named, selfApproval: true }), APPROVE, SAM, soon);
    assert.equal(allowed.kind === 'recorded' && allowed.decision.self, true);
    assert.equal(say(pending({ requirement: named, owner: null }), SAM), 'approved');
  });

  test('P1: the admin token votes only where a group lists it', () => {
    assert.equal(say(pending(), ADMIN), 'not_an_approver');
    assert.equal(say(pending({ requirement: { admin: true } }), ADMIN), 'approved');
    assert.equal(say(pending({ requirement: { people: ['admin'] } }), ADMIN), 'not_an_approver');
    assert.equal(say(pending({ requirement: { admin: true } }), EVE), 'not_an_approver');
  });

  test('P1: a member of a user group counts through it, and the vote remembers which', () => {
    const group = pending({ requirement: { people: [], userGroups: ['S1', 'S2'] } });
    const member = judged(group, APPROVE, { ...EVE, userGroups: ['S2'] }, soon);
    assert.equal(member.kind === 'recorded' && member.decision.userGroup, 'S2');
    assert.equal(say(group, { ...EVE, userGroups: ['S3'] }), 'not_an_approver');
    const both = judged(
      pending({ requirement: { userGroups: ['S1'] } }),
      APPROVE,
      { ...MIRA, userGroups: ['S1'] },
      soon,
    );
    assert.equal(both.kind === 'recorded' && both.decision.userGroup, null, 'named in person rests on no group');
  });

  test('P1: the quorum is of distinct people', () => {
    const two = { requirement: { quorum: 2 } };
    assert.equal(say(pending(two)), 'pending');
    assert.equal(say(pending({ ...two, decisions: [vote('U0MIRA')] }), MIRA), 'already_voted');
    assert.equal(say(pending({ ...two, decisions: [vote('U0MIRA')] }), ALEX), 'approved');
    assert.equal(say(pending({ requirement: { quorum: 3 }, decisions: [vote('U0MIRA')] }), ALEX), 'pending');
    assert.equal(say(pending({ ...two, decisions: [vote('U0MIRA')] }), ALEX, DENY), 'denied', 'one denial is enough');
  });

  test('P1: whoever approved may change to deny while it is pending, and never back', () => {
    const voted = pending({ requirement: { quorum: 2, denyReason: 'required' }, decisions: [vote('U0MIRA')] });
    assert.equal(say(voted, MIRA, { ...DENY, reason: null }), 'reason_required');
    const changed = judged(voted, DENY, MIRA, soon);
    assert.equal(changed.kind === 'recorded' && changed.next, 'denied');
    assert.deepEqual(changed.kind === 'recorded' && changed.instead, vote('U0MIRA'));
    const decision = { ...vote('U0MIRA', 'deny'), reason: 'no' };
    assert.deepEqual(withDecision([vote('U0MIRA'), vote('U0ALEX')], decision), [vote('U0ALEX'), decision]);
    assert.equal(say({ ...voted, state: 'denied', decisions: [decision] }), 'already_decided');
    assert.equal(say({ ...voted, state: 'approved' }, MIRA, DENY), 'already_decided', 'that is a take-back');
    const left = { ...voted, requirement: { ...voted.requirement, people: ['U0ALEX'] } };
    assert.equal(say(left, MIRA, DENY), 'not_an_approver', 'eligible at this click, too');
    assert.equal(say(voted, MIRA, DENY, voted.expiresAt), 'expired');
  });

  test('P1: a button that shows another call decides nothing; a short prefix names nothing', () => {
    const word = (fingerprint: string | null): DecisionRequest => ({ ...APPROVE, fingerprint });
    assert.equal(say(pending(), MIRA, word(`0${FINGERPRINT.slice(1)}`)), 'other_call');
    assert.equal(say(pending(), MIRA, word(FINGERPRINT.slice(0, 32))), 'approved');
    assert.equal(say(pending(), MIRA, word(FINGERPRINT.slice(0, 16))), 'approved');
    assert.equal(say(pending(), MIRA, word(FINGERPRINT.slice(0, 15))), 'other_call');
    assert.equal(say(pending(), MIRA, word('')), 'other_call');
    assert.equal(say(pending(), MIRA, word(`${FINGERPRINT}0`)), 'other_call');
    assert.equal(say(pending(), MIRA, word(null)), 'approved', 'a door that cannot carry it');
  });

  test('P3: whatever is no longer pending is decided, and every later word is told so', () => {
    for (const state of STATES.filter((one) => one !== 'pending')) {
      const judgement = judged(sampleApproval({ state }), DENY, MIRA, soon);
      assert.deepEqual(judgement, {
        kind: 'refused',
        reason: state === 'expired' ? 'expired' : 'already_decided',
        state: state as State,
      });
    }
  });

  test('P3: the deadline counts to the millisecond, whether or not a job noticed it', () => {
    const { expiresAt } = pending();
    assert.equal(say(pending(), MIRA, APPROVE, new Date(expiresAt.getTime() - 1)), 'approved');
    assert.equal(say(pending(), MIRA, APPROVE, expiresAt), 'expired');
    assert.equal(say(pending(), MIRA, DENY, new Date(expiresAt.getTime() + 1)), 'expired');
  });

  test('a denial may need a reason; blanks are none; an approval needs none', () => {
    const strict = pending({ requirement: { denyReason: 'required' } });
    const deny = (reason: string | null): DecisionRequest => ({ ...DENY, reason });
    assert.equal(say(strict, MIRA, deny(null)), 'reason_required');
    assert.equal(say(strict, MIRA, deny(' \n\t ')), 'reason_required');
    assert.equal(say(strict, MIRA, deny(' why ')), 'denied');
    assert.equal(say(strict), 'approved');
    assert.equal(say(pending(), MIRA, deny(null)), 'denied');
    const kept = judged(strict, deny('  why '), MIRA, soon);
    assert.equal(kept.kind === 'recorded' && kept.decision.reason, 'why');
  });

  test('further approvers count from their time on, and take nobody’s place', () => {
    const escalate = { afterMs: 120_000, groups: ['oncall'], people: ['U0EVE'], userGroups: [], admin: true };
    const approval = pending({ requirement: { escalate } });
    const at = (ms: number): Date => new Date(OPENED.getTime() + ms);
    assert.equal(say(approval, EVE, APPROVE, at(119_999)), 'not_an_approver');
    assert.equal(say(approval, EVE, APPROVE, at(120_000)), 'approved');
    assert.equal(say(approval, ADMIN, APPROVE, at(120_000)), 'approved');
    assert.equal(say(approval, MIRA, APPROVE, at(120_000)), 'approved');
  });

  test('a decision says who, what, how and when', () => {
    const judgement = judged(pending(), { ...DENY, reason: 'no' }, { ...ALEX, via: 'console' }, soon);
    assert.deepEqual(judgement, {
      kind: 'recorded',
      next: 'denied',
      instead: null,
      decision: {
        approver: 'U0ALEX',
        choice: 'deny',
        reason: 'no',
        via: 'console',
        self: false,
        userGroup: null,
        at: soon,
      },
    });
  });
});
