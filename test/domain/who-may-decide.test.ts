import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Approver, Decision, Requirement } from '../../src/domain/approval/approval.ts';
import { type AdminToken, type CurrentApprovers, type Persons, STRANGERS } from '../../src/domain/approval/current.ts';
import { type DecisionRequest, judgeDecision } from '../../src/domain/approval/decide.ts';
import { recount, type VoterFacts } from '../../src/domain/approval/recount.ts';
import { approvalsCounted } from '../../src/domain/approval/tally.ts';
import { currentOf, OPENED, sampleApproval } from '../support/domain/approval.ts';

const APPROVE: DecisionRequest = { choice: 'approve', reason: null, fingerprint: null };
const DENY: DecisionRequest = { choice: 'deny', reason: 'no', fingerprint: null };
const soon = new Date(OPENED.getTime() + 60_000);
const later = new Date(OPENED.getTime() + 600_000);

/** How a circle may admit somebody; `late`: by escalation, after 2 minutes. */
const WAYS = ['named', 'group', 'late', 'not'] as const;
type Way = (typeof WAYS)[number];
const NOBODY = { people: [], userGroups: [], admin: false };
function circle(way: Way): Pick<Requirement, 'people' | 'userGroups' | 'admin' | 'escalate'> {
  return {
    people: way === 'named' ? ['U0EVE'] : [],
    userGroups: way === 'group' ? ['S1'] : [],
    admin: false,
    escalate: way === 'late' ? { ...NOBODY, afterMs: 120_000, groups: [], people: ['U0EVE'] } : null,
  };
}

const slack = (id: string, userGroups: readonly string[] = []): Approver => ({ id, via: 'slack', userGroups });
const ADMIN: Approver = { id: 'admin', via: 'api', userGroups: [] };
const vote = (approver: string, more: Partial<Decision> = {}): Decision => ({
  approver,
  choice: 'approve',
  reason: null,
  via: approver === 'admin' ? 'api' : 'slack',
  self: false,
  userGroup: null,
  at: soon,
  ...more,
});
const persons = (names: Record<string, string>, adminToken: AdminToken = 'nobody', barred: string[] = []): Persons => ({
  names: new Map(Object.entries(names)),
  barred: new Set(barred),
  adminToken,
});
const said = (
  approval: ReturnType<typeof sampleApproval>,
  approver: Approver,
  current: Partial<CurrentApprovers> = {},
  word = APPROVE,
  now = soon,
): string => {
  const judgement = judgeDecision(approval, word, approver, now, currentOf(approval, current));
  return judgement.kind === 'recorded' ? judgement.next : judgement.reason;
};

describe('frozen and current', () => {
  for (const frozen of WAYS) {
    for (const today of WAYS) {
      for (const [when, now] of [
        ['before', soon],
        ['after', later],
      ] as const) {
        test(`P1: ${frozen} then, ${today} today, ${when} the escalation`, () => {
          const opened = sampleApproval({ requirement: circle(frozen) });
          const may = (way: Way) => way === 'named' || way === 'group' || (way === 'late' && when === 'after');
          const wanted = !may(frozen) ? 'not_an_approver' : may(today) ? 'approved' : 'removed';
          const eve = slack('U0EVE', ['S1']);
          assert.equal(said(opened, eve, circle(today), APPROVE, now), wanted);
          // The same vote, given before the configuration changed, when its pass is spent.
          if (!may(frozen)) return;
          const userGroup = frozen === 'group' ? 'S1' : null;
          const approved = { ...opened, decisions: [vote('U0EVE', { userGroup, at: now })] };
          const facts: VoterFacts = { userGroups: ['S1'] };
          const counted = recount(approved, currentOf(opened, circle(today)), now, () => facts);
          assert.equal(counted.people, may(today) ? 1 : 0);
          assert.equal(counted.faults.length, may(today) ? 0 : 1);
        });
      }
    }
  }

  test('P1: who left the user group, or Slack, counts no more; who is named besides still does', () => {
    const opened = sampleApproval({ requirement: { people: [], userGroups: ['S1', 'S2'] } });
    const approved = { ...opened, decisions: [vote('U0EVE', { userGroup: 'S1' })] };
    const count = (facts: VoterFacts, current: Partial<CurrentApprovers> = {}) =>
      recount(approved, currentOf(opened, current), soon, () => facts);
    assert.equal(count({ userGroups: ['S1'] }).people, 1);
    assert.equal(count({ userGroups: ['S2'] }).people, 1, 'in another group of both');
    assert.deepEqual(count({ userGroups: [] }).faults, ['U0EVE is no longer in S1']);
    assert.deepEqual(count({ refused: 'deactivated' }).faults, ['U0EVE is now deactivated']);
    assert.equal(count({ userGroups: [] }, { people: ['U0EVE'] }).people, 0, 'named today, but not then');
    assert.equal(count({ userGroups: ['S1'] }, { userGroups: [], people: ['U0EVE'] }).people, 1);
  });

  test('P1: an approver who is added later does not count for what was opened before', () => {
    const opened = sampleApproval();
    assert.equal(said(opened, slack('U0EVE'), { people: ['U0MIRA', 'U0ALEX', 'U0EVE'] }), 'not_an_approver');
  });

  test('P1: a vote whose person was taken out is no half of a quorum for the next', () => {
    const opened = sampleApproval({ requirement: { quorum: 2 }, decisions: [vote('U0MIRA')] });
    assert.equal(said(opened, slack('U0ALEX')), 'approved');
    assert.equal(said(opened, slack('U0ALEX'), { people: ['U0ALEX'] }), 'pending');
  });

  test('P1: an owner of today counts no more than the owner of then; self_approval must hold then and today', () => {
    const opened = sampleApproval({ owner: null, requirement: { people: ['U0MIRA', 'U0SAM'] } });
    assert.equal(said(opened, slack('U0MIRA'), { owner: 'U0MIRA' }), 'own_call');
    const own = sampleApproval({ selfApproval: true, requirement: { people: ['U0SAM'] } });
    assert.equal(said(own, slack('U0SAM')), 'approved');
    assert.equal(said(own, slack('U0SAM'), { selfApproval: false }), 'own_call');
    const approved = { ...own, decisions: [vote('U0SAM', { self: true })] };
    assert.equal(recount(approved, currentOf(own, { selfApproval: false }), soon).people, 0);
  });
});

describe('one human is one', () => {
  const two = sampleApproval({
    requirement: { quorum: 2, admin: true, people: ['U0MIRA', 'U0ALEX', 'al@example.com'] },
  });
  const held = persons({ U0MIRA: 'mira', admin: 'mira', U0ALEX: 'alex', 'al@example.com': 'alex' }, 'a person');

  test('P1: two ways of one person are one vote, whichever came first', () => {
    const known = { persons: held };
    assert.equal(said({ ...two, decisions: [vote('U0MIRA', { person: 'mira' })] }, ADMIN, known), 'already_voted');
    assert.equal(
      said({ ...two, decisions: [vote('admin', { person: 'mira' })] }, slack('U0MIRA'), known),
      'already_voted',
    );
    assert.equal(said({ ...two, decisions: [vote('admin', { person: 'mira' })] }, slack('U0ALEX'), known), 'approved');
    const console_: Approver = { id: 'al@example.com', via: 'console', userGroups: [] };
    assert.equal(said({ ...two, decisions: [vote('U0ALEX')] }, console_, known), 'already_voted');
    assert.equal(said({ ...two, decisions: [vote('U0MIRA')] }, console_, known), 'approved');
  });

  test('P1: two votes that people join only later are one when the pass is spent, and stay one when it parts them', () => {
    const both = { ...two, decisions: [vote('U0MIRA'), vote('U0ALEX')] };
    assert.equal(recount(both, currentOf(two), soon).people, 2);
    const joined = persons({ U0MIRA: 'mira', U0ALEX: 'mira' });
    assert.equal(recount(both, currentOf(two, { persons: joined }), soon).people, 1);
    const parted = { ...two, decisions: [vote('U0MIRA', { person: 'mira' }), vote('U0ALEX', { person: 'mira' })] };
    assert.equal(recount(parted, currentOf(two), soon).people, 1);
  });

  test('P1: a token that may be anybody’s is a vote alone, and adds nothing to the votes of others', () => {
    const one = sampleApproval({ requirement: { admin: true } });
    assert.equal(said(one, ADMIN), 'approved');
    assert.equal(said({ ...two, decisions: [vote('U0MIRA')] }, ADMIN), 'pending');
    assert.equal(said({ ...two, decisions: [vote('admin')] }, slack('U0MIRA')), 'pending');
    assert.equal(said({ ...two, decisions: [vote('admin'), vote('U0MIRA')] }, slack('U0ALEX')), 'approved');
    assert.equal(approvalsCounted({ ...two, decisions: [vote('admin'), vote('U0MIRA')] }), 1);
  });

  test('P1: where people are known the token denies and does not approve, unless the file says in words whose it is', () => {
    const one = sampleApproval({ requirement: { admin: true } });
    const known = persons({ U0MIRA: 'mira' });
    assert.equal(said(one, ADMIN, { persons: known }), 'admin_token');
    assert.equal(said(one, ADMIN, { persons: known }, DENY), 'denied');
    assert.equal(said(sampleApproval(), ADMIN, { persons: known }, DENY), 'not_an_approver');
    const another = persons({ U0MIRA: 'mira', admin: 'admin' }, 'a person');
    assert.equal(said(one, ADMIN, { persons: another }), 'approved');
    assert.equal(said({ ...two, decisions: [vote('U0MIRA')] }, ADMIN, { persons: another }), 'approved');
  });

  test('P1: the owner is himself by each of his ways', () => {
    const one = sampleApproval({ owner: 'U0SAM', requirement: { admin: true, people: ['U0SAM', 'sam@example.com'] } });
    const sam = { persons: persons({ U0SAM: 'sam', admin: 'sam', 'sam@example.com': 'sam' }, 'a person') };
    for (const approver of [slack('U0SAM'), ADMIN, { ...ADMIN, id: 'sam@example.com' }]) {
      assert.equal(said(one, approver, sam), 'own_call', approver.id);
    }
  });

  test('P1: a vote by the token counts no more once it is gone, or is nobody’s', () => {
    const one = sampleApproval({ requirement: { admin: true }, decisions: [vote('admin')] });
    const count = (adminToken: AdminToken) =>
      recount(one, currentOf(one, { persons: { ...STRANGERS, adminToken } }), soon);
    assert.equal(count('somebody').people, 1);
    assert.match(count('closed').faults[0]!, /no longer set/);
    assert.match(count('nobody').faults[0]!, /may no longer vote/);
    assert.match(recount(one, currentOf(one, { admin: false }), soon).faults[0]!, /no longer among the approvers/);
  });

  test('P1: a person whose roles do not let them approve does not, by a user group either', () => {
    const one = sampleApproval({ requirement: { userGroups: ['S1'] } });
    const auditor = { persons: persons({ U0EVE: 'eve' }, 'nobody', ['eve']) };
    assert.equal(said(one, slack('U0EVE', ['S1'])), 'approved');
    assert.equal(said(one, slack('U0EVE', ['S1']), auditor), 'removed');
  });
});
