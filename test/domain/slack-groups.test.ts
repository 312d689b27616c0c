import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Approver, Decision, Requirement } from '../../src/domain/approval/approval.ts';
import { judgeDecision } from '../../src/domain/approval/decide.ts';
import { mayTakeBack } from '../../src/domain/approval/take-back.ts';
import { withSlackGroups } from '../../src/gateway/decision/slack-groups.ts';
import { recheckApprovers } from '../../src/gateway/dispatch/recheck-approvers.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { type Cards, Unavailable } from '../../src/ports.ts';
import { currentOf, OPENED, sampleApproval } from '../support/domain/approval.ts';

const soon = new Date(OPENED.getTime() + 60_000);
const approver = (id: string, via: Approver['via'] = 'console'): Approver => ({ id, via, userGroups: [] });
const ONCALL = { people: [], userGroups: ['S0ONCALL'] };

type Answer = readonly string[] | 'away' | 'deactivated';

/** A gateway whose Slack says this of who is in S0ONCALL; null: it has no Slack. */
function world(requirement: Partial<Requirement>, members: Answer | null) {
  const asked: string[] = [];
  const approval = sampleApproval({ requirement });
  const person: Cards['person'] = async (user, groups) => {
    asked.push(user);
    if (members === 'away') throw new Unavailable('slack', 'Slack did not say who is in the group');
    if (members === 'deactivated') return { refused: 'deactivated' };
    return { userGroups: members!.includes(user) ? groups : [] };
  };
  const gateway = {
    cards: members === null ? null : { person },
    clock: { now: () => soon },
    rules: { approvers: () => currentOf(approval) },
  } as unknown as Pick<Gateway, 'cards' | 'clock' | 'rules'>;
  const vote = (who: Approver) =>
    judgeDecision(approval, { choice: 'approve', reason: null, fingerprint: null }, who, soon, currentOf(approval));
  return { asked, approval, gateway, vote };
}

describe('who is on call in Slack, and comes by the console or a token', () => {
  for (const via of ['console', 'api'] as const) {
    test(`P1: by the ${via}, a member of the user group decides as in Slack, and the vote says by which group`, async () => {
      const { approval, gateway, vote } = world(ONCALL, ['U0RITA']);
      const judged = vote(await withSlackGroups(gateway, approval, approver('U0RITA', via)));
      assert.equal(judged.kind === 'recorded' && judged.next, 'approved');
      assert.equal(judged.kind === 'recorded' && judged.decision.userGroup, 'S0ONCALL');
      const other = vote(await withSlackGroups(gateway, approval, approver('U0EVE', via)));
      assert.equal(other.kind === 'refused' && other.reason, 'not_an_approver');
    });
  }

  test('P6: Slack does not answer: nobody decides by a group; who is named does', async () => {
    const away = world(ONCALL, 'away');
    await assert.rejects(withSlackGroups(away.gateway, away.approval, approver('U0RITA')), /who is in the group/);
    const named = world({ people: ['U0MIRA'], userGroups: ['S0ONCALL'] }, 'away');
    assert.deepEqual((await withSlackGroups(named.gateway, named.approval, approver('U0MIRA'))).userGroups, []);
    const circle = { people: ['U0MIRA'], userGroups: ['S0ONCALL'], admin: false };
    const placed = world({ ...circle, places: [{ group: 'oncall', count: 1, ...circle }] }, 'away');
    await assert.rejects(withSlackGroups(placed.gateway, placed.approval, approver('U0MIRA')), /who is in the group/);
  });

  test('P6: while Slack does not answer, whoever may stop a call without a group does so', async () => {
    const circle = { people: ['U0MIRA'], userGroups: ['S0ONCALL'], admin: false };
    const places = [{ group: 'oncall', count: 1, people: [], userGroups: ['S0ONCALL'], admin: false }];
    const plain = world({ ...circle, people: ['U0MIRA', 'U0ALEX'] }, 'away');
    // U0MIRA is named and fills no place; U0SAM owns the agent.
    const placed = world({ ...circle, places }, 'away');
    for (const { approval, gateway } of [plain, placed]) {
      for (const id of ['U0MIRA', 'U0SAM']) {
        const stopper = await withSlackGroups(gateway, approval, approver(id), 'deny');
        const word = { choice: 'deny', reason: 'stop', fingerprint: null } as const;
        assert.equal(judgeDecision(approval, word, stopper, soon, currentOf(approval)).kind, 'recorded', id);
      }
      const owner = await withSlackGroups(gateway, approval, approver('U0SAM'), 'take_back');
      assert.equal(mayTakeBack(approval, owner, soon, currentOf(approval)), true);
      for (const word of ['deny', 'take_back'] as const)
        await assert.rejects(withSlackGroups(gateway, approval, approver('U0EVE'), word), /who is in the group/, word);
    }
    // A yes by a group is not to be known meanwhile, nor whether it fills a place.
    await assert.rejects(withSlackGroups(placed.gateway, placed.approval, approver('U0MIRA')), /who is in the group/);
    await assert.rejects(withSlackGroups(plain.gateway, plain.approval, approver('U0SAM')), /who is in the group/);
  });

  test('P1: whom Slack calls no colleague is in no group; logins, the admin token and clicks are not asked about', async () => {
    const gone = world(ONCALL, 'deactivated');
    assert.deepEqual((await withSlackGroups(gone.gateway, gone.approval, approver('U0RITA'))).userGroups, []);
    const { asked, approval, gateway } = world(ONCALL, ['U0RITA', 'rita@example.com', 'admin']);
    for (const [id, via] of [
      ['rita@example.com', 'console'],
      ['admin', 'api'],
      ['sub:U0RITA', 'console'],
      ['U0RITA', 'slack'],
    ] as const)
      assert.deepEqual((await withSlackGroups(gateway, approval, approver(id, via))).userGroups, []);
    assert.deepEqual(asked, []);
    const off = world(ONCALL, null);
    assert.deepEqual((await withSlackGroups(off.gateway, off.approval, approver('U0RITA'))).userGroups, []);
  });

  test('P1: such a vote is checked again with Slack when the call is sent, like one from there', async () => {
    const vote: Decision = {
      ...{ approver: 'U0RITA', choice: 'approve', reason: null, via: 'console', self: false },
      ...{ userGroup: 'S0ONCALL', at: soon },
    };
    const spent = async (members: Answer | null) => {
      const { approval, gateway } = world(ONCALL, members);
      return recheckApprovers(gateway, { ...approval, state: 'approved', decisions: [vote] });
    };
    assert.equal(await spent(['U0RITA']), null);
    assert.deepEqual(await spent(['U0EVE']), { kind: 'lapse', why: 'U0RITA is no longer in S0ONCALL' });
    assert.deepEqual(await spent('deactivated'), { kind: 'lapse', why: 'U0RITA is now deactivated' });
    assert.equal((await spent('away'))?.kind, 'unsure');
    assert.equal((await spent(null))?.kind, 'unsure');
  });
});
