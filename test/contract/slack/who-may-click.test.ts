import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ClickGesture } from '../../../src/demo/slack/interactivity/gestures.ts';
import type { sampleApproval } from '../../support/domain/approval.ts';
import { CHANNEL, type DoorWorld, doorWorld } from '../../support/slack/door-world.ts';

type Different = Parameters<typeof sampleApproval>[0];

/** One person's click on an approval's card. */
interface Case {
  readonly approval?: Different;
  readonly before?: (world: DoorWorld) => unknown;
  readonly click: Partial<ClickGesture>;
  /** What the person is told; null: nothing, as the card says it all. */
  readonly told: RegExp | null;
  readonly recorded: string | null;
  readonly state: string;
}

const outsider = { id: 'U0OUT', team_id: 'T0OTHER', is_stranger: true };

const CASES: Record<string, Case> = {
  'an approver approves': { click: {}, told: null, recorded: null, state: 'approved' },
  'a second approver is still needed': {
    approval: { requirement: { quorum: 2 } },
    click: {},
    told: /recorded\. 1 of 2 approvals/,
    recorded: null,
    state: 'pending',
  },
  'somebody who is no approver': {
    before: (w) => w.slack.addUser({ id: 'U0BOB' }),
    click: { user: 'U0BOB' },
    told: /not among the approvers/,
    recorded: 'not_an_approver',
    state: 'pending',
  },
  'the owner of the calling agent': {
    approval: { requirement: { people: ['U0SAM', 'U0MIRA'] } },
    click: { user: 'U0SAM' },
    told: /somebody else has to decide/,
    recorded: 'own_call',
    state: 'pending',
  },
  'the owner, where self_approval says so': {
    approval: { selfApproval: true, requirement: { people: ['U0SAM'] } },
    click: { user: 'U0SAM' },
    told: null,
    recorded: null,
    state: 'approved',
  },
  'a member of a group': {
    approval: { requirement: { people: [], userGroups: ['S0123ABC'] } },
    click: {},
    told: null,
    recorded: null,
    state: 'approved',
  },
  'a non-member where a group approves': {
    approval: { owner: null, requirement: { people: [], userGroups: ['S0123ABC'] } },
    click: { user: 'U0SAM' },
    told: /not among the approvers/,
    recorded: 'not_an_approver',
    state: 'pending',
  },
  'a group that Slack no longer knows': {
    approval: { requirement: { people: [], userGroups: ['S0GONE'] } },
    click: {},
    told: /not among the approvers/,
    recorded: 'not_an_approver',
    state: 'pending',
  },
  'a group on a plan without groups': {
    before: (w) => Object.assign(w.slack.workspace.team, { plan: 'free' }),
    approval: { requirement: { people: [], userGroups: ['S0PLAN'] } },
    click: {},
    told: /did not answer in time who you are/,
    recorded: 'cannot_tell',
    state: 'pending',
  },
  'an outsider of Slack Connect, named as approver': {
    approval: { requirement: { people: ['U0OUT'] } },
    before: (w) => w.slack.addUser(outsider),
    click: { user: 'U0OUT' },
    told: /Only members of this gateway/,
    recorded: 'other_team',
    state: 'pending',
  },
  'a stranger whose payload claims our team': {
    approval: { requirement: { people: ['U0STR'] } },
    before: (w) => w.slack.addUser({ id: 'U0STR', is_stranger: true }),
    click: { user: 'U0STR', userTeam: 'T0MAIN' },
    told: /does not know you/,
    recorded: 'stranger',
    state: 'pending',
  },
  'a person of another team whose payload claims ours': {
    approval: { requirement: { people: ['U0LIE'] } },
    before: (w) => w.slack.addUser({ id: 'U0LIE', team_id: 'T0OTHER' }),
    click: { user: 'U0LIE', userTeam: 'T0MAIN' },
    told: /Only members of this gateway/,
    recorded: 'other_team',
    state: 'pending',
  },
  'an approver whose click comes from another workspace': {
    click: { userTeam: 'T0OTHER' },
    told: /Only members/,
    recorded: 'other_team',
    state: 'pending',
  },
  'a payload of another workspace’s installation': {
    click: { team: 'T0OTHER' },
    told: /Only members/,
    recorded: 'other_team',
    state: 'pending',
  },
  'a payload without a team for the person': {
    click: { overrides: { user: { team_id: null } } },
    told: /Only members/,
    recorded: 'other_team',
    state: 'pending',
  },
  'a guest': {
    approval: { requirement: { people: ['U0GUEST'] } },
    before: (w) => w.slack.addUser({ id: 'U0GUEST', is_restricted: true }),
    click: { user: 'U0GUEST' },
    told: /Guests cannot/,
    recorded: 'guest',
    state: 'pending',
  },
  'a single-channel guest': {
    approval: { requirement: { people: ['U0GUEST1'] } },
    before: (w) => w.slack.addUser({ id: 'U0GUEST1', is_ultra_restricted: true }),
    click: { user: 'U0GUEST1' },
    told: /Guests cannot/,
    recorded: 'guest',
    state: 'pending',
  },
  'a bot': {
    approval: { requirement: { people: ['U0BOT'] } },
    before: (w) => w.slack.addUser({ id: 'U0BOT', is_bot: true }),
    click: { user: 'U0BOT' },
    told: /A bot cannot/,
    recorded: 'bot',
    state: 'pending',
  },
  'a deactivated account': {
    approval: { requirement: { people: ['U0GONE'] } },
    before: (w) => w.slack.addUser({ id: 'U0GONE', deleted: true }),
    click: { user: 'U0GONE' },
    told: /deactivated/,
    recorded: 'deactivated',
    state: 'pending',
  },
  'somebody Slack has never heard of': {
    approval: { requirement: { people: ['U0NOBODY'] } },
    click: { user: 'U0NOBODY' },
    told: /does not know you/,
    recorded: 'unknown_person',
    state: 'pending',
  },
  'a payload for another app': {
    click: { overrides: { api_app_id: 'A0OTHER' } },
    told: /another app/,
    recorded: 'other_app',
    state: 'pending',
  },
  'a name in the place of an id': {
    click: { overrides: { user: { name: 'mira', username: 'mira', id: 'U0EVE' } } },
    told: /does not know you/,
    recorded: 'unknown_person',
    state: 'pending',
  },
  'a click from another message': {
    click: { overrides: { container: { message_ts: '1.000001' } } },
    told: /not the card/,
    recorded: 'wrong_message',
    state: 'pending',
  },
  'a click from another channel': {
    click: { overrides: { container: { channel_id: 'C0OTHER' } } },
    told: /not the card/,
    recorded: 'wrong_message',
    state: 'pending',
  },
};

for (const transport of ['http', 'socket', 'plain'] as const) {
  describe(`who may click, over ${transport}`, () => {
    let world: DoorWorld;
    before(async () => {
      world = await doorWorld({ transport });
    });
    after(() => world.close());

    for (const [name, { approval, before: arrange, click, told, recorded, state }] of Object.entries(CASES)) {
      test(`P1: ${name} → ${state}`, async () => {
        const { id, ts } = await world.open(approval);
        arrange?.(world);
        const user = click.user ?? 'U0MIRA';
        const heard = world.slack.ephemerals(user).length;
        const reaction = await world.slack.click({ user, channel: CHANNEL, ts, actionId: 'approve', ...click });
        world.slack.workspace.team.plan = 'paid';
        assert.equal(reaction.status, 200);
        assert.equal(world.stateOf(id), state);
        if (told !== null) {
          const answer = await world.slack.waitFor(() => world.slack.ephemerals(user)[heard]);
          assert.match(answer.text, told);
        }
        assert.equal(world.refusals.find((r) => r.id === id)?.reason ?? null, recorded);
      });
    }
  });
}
