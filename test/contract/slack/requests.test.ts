import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { signatureOf } from '../../../src/demo/slack/delivery.ts';
import type { Click } from '../../../src/demo/slack/gestures.ts';
import { startSlackStandIn } from '../../../src/demo/slack/stand-in.ts';
import { buttonValue } from '../../../src/slack/button.ts';
import { requestHandler, slackReceiver } from '../../../src/slack/receiver.ts';
import { SeenSignatures } from '../../../src/slack/signature.ts';
import type { sampleApproval } from '../../support/domain/approval.ts';
import { CHANNEL, type DoorWorld, doorWorld, quiet } from '../../support/slack/door-world.ts';

type Different = Parameters<typeof sampleApproval>[0];

/** One click by somebody, somehow, on a card of some approval. */
interface Case {
  readonly approval?: Different;
  readonly before?: (world: DoorWorld) => unknown;
  readonly click: Partial<Click>;
  /** What the person is told; null: nothing, the card says it. */
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
    told: /Only members of the workspace/,
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
    told: /Only members of the workspace/,
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

const MIRA = { user: { id: 'U0MIRA', team_id: 'T0MAIN' }, team: { id: 'T0MAIN' }, api_app_id: 'A0HOLDFAST' };
const form = (payload: object): string => `payload=${encodeURIComponent(JSON.stringify(payload))}`;

describe('what comes in over HTTP', () => {
  let world: DoorWorld;
  before(async () => {
    world = await doorWorld();
  });
  after(() => world.close());

  /** Clicks Approve and waits for what only this person is told. */
  async function told(user: string, ts: string): Promise<string> {
    const heard = world.slack.ephemerals(user).length;
    await world.slack.click({ user, channel: CHANNEL, ts, actionId: 'approve' });
    return (await world.slack.waitFor(() => world.slack.ephemerals(user)[heard])).text;
  }

  /** A genuine click as Slack would send it, but not sent. */
  async function genuine(): Promise<{ id: string; body: string }> {
    const { id, ts } = await world.open();
    const { url } = { url: world.slack.interactivityUrl };
    world.slack.interactivityUrl = 'http://127.0.0.1:9/';
    await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' }).catch(() => undefined);
    world.slack.interactivityUrl = url;
    return { id, body: world.slack.deliveries.at(-1)!.body };
  }

  const now = () => Math.floor(Date.now() / 1000);
  const FORGERIES: Record<string, { forgery: () => object; status: number }> = {
    'signed with another secret': { forgery: () => ({ signature: `v0=${'0'.repeat(64)}` }), status: 401 },
    'without a signature': { forgery: () => ({ headers: { 'x-slack-signature': '' } }), status: 401 },
    'without a timestamp': { forgery: () => ({ headers: { 'x-slack-request-timestamp': '' } }), status: 401 },
    'with a signature in capitals': { forgery: () => ({ signature: 'V0=ABC' }), status: 401 },
    'six minutes old': { forgery: () => ({ timestamp: now() - 360 }), status: 401 },
    'six minutes from the future': { forgery: () => ({ timestamp: now() + 360 }), status: 401 },
    'dated "now"': { forgery: () => ({ timestamp: 'now' }), status: 401 },
    'dated 1e10': { forgery: () => ({ timestamp: '1e10' }), status: 401 },
    'of another content type': { forgery: () => ({ headers: { 'content-type': 'application/json' } }), status: 415 },
    'at the edge of the five minutes': { forgery: () => ({ timestamp: now() - 290 }), status: 200 },
  };

  for (const [name, { forgery, status }] of Object.entries(FORGERIES)) {
    test(`P1: a click ${name} → ${status}`, async () => {
      const { id, body } = await genuine();
      const reaction = await world.slack.deliver(body, forgery());
      assert.equal(reaction.status, status);
      assert.equal(world.stateOf(id), status === 200 ? 'approved' : 'pending');
    });
  }

  test('P3: a recorded click that is played again decides nothing', async () => {
    const { id, body } = await genuine();
    const timestamp = now();
    assert.equal((await world.slack.deliver(body, { timestamp })).status, 200);
    world.approvals.set(id, { ...world.approvals.get(id)!, state: 'pending', decisions: [] });
    assert.equal((await world.slack.deliver(body, { timestamp })).status, 409);
    assert.equal(world.stateOf(id), 'pending');
  });

  test('a request that could not be served may come again', async () => {
    const { id, body } = await genuine();
    const timestamp = now();
    const url = world.slack.interactivityUrl;
    // Unknown action: nobody takes it; nothing is remembered as decided.
    const unknown = body.replaceAll('approve', 'explode');
    assert.equal((await world.slack.deliver(unknown, { timestamp })).status, 404);
    assert.equal(world.slack.interactivityUrl, url);
    assert.equal(world.stateOf(id), 'pending');
  });

  const BODIES: Record<string, { body: string; status: number }> = {
    'no payload': { body: 'nothing=here', status: 400 },
    'ssl_check without a signature is no way in': { body: 'ssl_check=1&payload=%7B%7D', status: 404 },
    'a payload that is no JSON': { body: 'payload=%7Bnope', status: 400 },
    'a payload that is a list': { body: 'payload=%5B%5D', status: 400 },
    'two payloads': { body: 'payload=%7B%7D&payload=%7B%7D', status: 400 },
    'bytes that are no UTF-8': { body: 'payload=%7B%22a%22%3A%22%FF%22%7D', status: 404 },
    'a slash command': { body: 'command=%2Fapprove&text=x', status: 400 },
    'a click without an action': { body: form({ type: 'block_actions', ...MIRA, actions: [] }), status: 404 },
    'a click without a person': { body: form({ type: 'block_actions', actions: [] }), status: 500 },
    'a closed view': {
      body: form({ type: 'view_closed', ...MIRA, view: { callback_id: 'approve_view' } }),
      status: 404,
    },
    'a shortcut': { body: form({ type: 'shortcut', ...MIRA, callback_id: 'approve_view' }), status: 404 },
    'a submission of a view that is not ours': {
      body: form({ type: 'view_submission', ...MIRA, view: { callback_id: 'other', private_metadata: '' } }),
      status: 404,
    },
    'two actions at once': {
      body: form({ type: 'block_actions', ...MIRA, actions: [{ action_id: 'approve' }, { action_id: 'deny' }] }),
      status: 404,
    },
    'three megabytes': { body: `payload=${'x'.repeat(3_000_000)}`, status: 413 },
  };
  for (const [name, { body, status }] of Object.entries(BODIES)) {
    test(`${name} → ${status}`, async () => {
      assert.equal((await world.slack.deliver(body)).status, status);
    });
  }

  test('an empty signing secret is refused at once', () => {
    assert.throws(() => slackReceiver({ signingSecret: '', clock: world.clock, log: quiet }), /empty/);
  });

  const VALUES: Record<string, (value: string) => string> = {
    'another fingerprint': (value) => value.replace(/:.*/, `:${'ab'.repeat(16)}`),
    'a shorter fingerprint': (value) => value.slice(0, -1),
    'a fingerprint in capitals': (value) => value.toUpperCase(),
    'no fingerprint': (value) => value.replace(/:.*/, ''),
    'an approval that does not exist': (value) => value.replace(/^[^:]*/, 'ap_none'),
    'an inherited name': (value) => value.replace(/^[^:]*/, 'constructor'),
    nothing: () => '',
    '2000 characters': () => 'x'.repeat(2000),
  };
  for (const [name, tampered] of Object.entries(VALUES)) {
    test(`P10: a button with ${name} decides nothing`, async () => {
      const { id, ts } = await world.open();
      const value = tampered(buttonValue(world.approvals.get(id)!));
      const heard = world.slack.ephemerals('U0MIRA').length;
      const reaction = await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve', value });
      assert.equal(reaction.status, 200);
      assert.equal(world.stateOf(id), 'pending');
      await world.slack.waitFor(() => world.slack.ephemerals('U0MIRA').length > heard);
      await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'details', value });
      await world.slack.waitFor(() => world.slack.ephemerals('U0MIRA').length > heard + 1);
      assert.equal(world.slack.openViews('U0MIRA').length, 0);
    });
  }

  test('P3: the second click is told the true state', async () => {
    const { id, ts } = await world.open();
    await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
    assert.match(await told('U0ALEX', ts), /Too late.*Approved by <@U0MIRA>/);
    assert.equal(world.approvals.get(id)!.decisions.length, 1);
  });

  test('P10: what is remembered of a card lets nobody be refused, and its window never be left out', async () => {
    const { id, ts } = await world.open();
    const approval = world.approvals.get(id)!;
    const card = world.records.get(id)!;
    world.remembered.set(id, { approval, card: { ...card, ts: '1.000001' } });
    await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
    assert.equal(world.stateOf(id), 'approved', 'the card has moved since');

    const long = await world.open({ arguments: { text: 'long '.repeat(4_000) } });
    const whole = { ...world.approvals.get(long.id)!, arguments: {} };
    world.remembered.set(long.id, { approval: whole, card: { ...world.records.get(long.id)!, ts: '1.000001' } });
    const value = buttonValue(whole);
    const approve = { actions: [{ action_id: 'approve', block_id: 'b', type: 'button', value, action_ts: '1.1' }] };
    await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts: long.ts, actionId: 'review', overrides: approve });
    assert.equal(world.stateOf(long.id), 'pending', 'the full view comes first');
    assert.deepEqual(
      world.refusals.filter((one) => one.id === id || one.id === long.id),
      [],
    );
  });

  test('P3: two approvers at once are two votes, one person twice is one', async () => {
    const { id, ts } = await world.open({ requirement: { quorum: 3 } });
    const click = (user: string) => world.slack.click({ user, channel: CHANNEL, ts, actionId: 'approve' });
    await Promise.all([click('U0MIRA'), click('U0ALEX'), click('U0MIRA'), click('U0MIRA')]);
    assert.deepEqual(
      world.approvals
        .get(id)!
        .decisions.map((d) => d.approver)
        .sort(),
      ['U0ALEX', 'U0MIRA'],
    );
  });

  test('a click after the deadline is told so, whether or not the expiry job ran', async () => {
    const { id, ts } = await world.open({ expiresAt: new Date(Date.now() - 1000) });
    assert.match(await told('U0MIRA', ts), /expired/);
    assert.equal(world.stateOf(id), 'pending');
  });

  test('P6: a store that cannot answer is told, and nothing is pretended', async () => {
    const { id, ts } = await world.open();
    world.broken = new Error('the store cannot answer');
    assert.match(await told('U0MIRA', ts), /could not be recorded/);
    world.broken = null;
    assert.equal(world.stateOf(id), 'pending');
    await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
    assert.equal(world.stateOf(id), 'approved');
  });

  test('P4: a click is acknowledged only when it is recorded, or its person knows that it is not', async () => {
    const { id, ts } = await world.open();
    const heard = world.slack.ephemerals('U0MIRA').length;
    const overrides = { response_url: 'http://127.0.0.1:9/gone' };
    const click = () => world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve', overrides });
    world.broken = new Error('the store cannot answer');
    world.slack.failNext('chat.postEphemeral', { kind: 'refuse-connection' });
    const unheard = await click();
    assert.notEqual(unheard.status, 200, 'Slack itself tells the person');
    assert.equal(world.slack.ephemerals('U0MIRA').length, heard);
    const told = await click();
    assert.equal(told.status, 200);
    assert.equal(world.slack.ephemerals('U0MIRA').length, heard + 1, 'before the acknowledgement');
    world.broken = null;
    assert.equal(world.stateOf(id), 'pending');
  });

  test('P3: a word that Slack does not take is tried again', async () => {
    const { ts } = await world.open({ requirement: { people: ['U0ALEX'] } });
    const heard = world.slack.ephemerals('U0MIRA').length;
    const overrides = { response_url: 'http://127.0.0.1:9/gone' };
    world.slack.failNext('chat.postEphemeral', { kind: 'http-500' });
    await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve', overrides });
    const told = await world.slack.waitFor(() => world.slack.ephemerals('U0MIRA')[heard], 20_000);
    assert.match(told.text, /not among the approvers/);
  });

  test('P4: a click on a card whose post was never answered is taken, and its place is learnt', async () => {
    const { id, ts } = await world.open();
    world.records.set(id, { ...world.records.get(id)!, channel: '', ts: null });
    await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
    assert.equal(world.stateOf(id), 'approved');
    assert.equal(world.records.get(id)!.ts, ts);
  });

  test('the answer comes as an ephemeral post when the response_url does not work', async () => {
    const { ts } = await world.open({ requirement: { people: ['U0ALEX'] } });
    const overrides = { response_url: 'http://127.0.0.1:9/gone' };
    await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve', overrides });
    await world.slack.waitFor(() => world.slack.requests.some((r) => r.method === 'chat.postEphemeral'));
  });
});

describe('facts about people', () => {
  test('P6: when Slack does not answer in time the click is not decided, and the ack is in time', async () => {
    const world = await doorWorld();
    try {
      const { id, ts } = await world.open();
      world.slack.failNext('users.info', { kind: 'slow', ms: 5000 });
      const reaction = await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
      assert.equal(reaction.status, 200);
      assert.ok(reaction.ms < 2900);
      assert.equal(world.stateOf(id), 'pending');
      const told = await world.slack.waitFor(() => world.slack.ephemerals('U0MIRA').at(-1));
      assert.match(told.text, /click again/);
      await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
      assert.equal(world.stateOf(id), 'approved');
    } finally {
      await world.close();
    }
  });

  test('P1: facts are at most a minute old: at the click, and when the pass is spent', async () => {
    const world = await doorWorld();
    try {
      const group = { requirement: { people: [], userGroups: ['S0123ABC'] } };
      const first = await world.open(group);
      await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts: first.ts, actionId: 'approve' });
      const approved = world.approvals.get(first.id)!;
      assert.deepEqual(await world.cards.stillEligible(approved), { eligible: true, why: null });

      world.slack.userGroup('S0123ABC').users = ['U0ALEX'];
      world.clock.advance(61_000);
      const second = await world.open(group);
      await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts: second.ts, actionId: 'approve' });
      assert.equal(world.stateOf(second.id), 'pending');
      const left = await world.cards.stillEligible(approved);
      assert.equal(left.eligible, false);
      assert.match(left.why ?? '', /no longer in S0123ABC/);

      world.slack.userGroup('S0123ABC').users = ['U0MIRA'];
      world.slack.user('U0MIRA').deleted = true;
      world.clock.advance(61_000);
      assert.match((await world.cards.stillEligible(approved)).why ?? '', /deactivated/);

      world.clock.advance(61_000);
      world.slack.down = true;
      await assert.rejects(world.cards.stillEligible(approved), /Slack did not say/);
    } finally {
      await world.close();
    }
  });

  test('on Grid a person of the organisation and of our workspace counts, one of another organisation does not', async () => {
    const world = await doorWorld({ standIn: { enterprise: { id: 'E0ORG' } }, deps: { enterprise: 'E0ORG' } });
    try {
      const grid = (id: string, enterprise: string, teams: string[]) =>
        world.slack.addUser({
          id,
          team_id: enterprise,
          enterprise_user: { id, enterprise_id: enterprise, enterprise_name: '', teams },
        });
      grid('U0GRID', 'E0ORG', ['T0MAIN']);
      grid('U0ELSE', 'E0ORG', ['T0FAR']);
      grid('U0FOREIGN', 'E0EVIL', ['T0MAIN']);
      const people = ['U0GRID', 'U0ELSE', 'U0FOREIGN'];
      for (const [user, state] of [
        ['U0ELSE', 'pending'],
        ['U0FOREIGN', 'pending'],
        ['U0GRID', 'approved'],
      ] as const) {
        const { id, ts } = await world.open({ requirement: { people } });
        await world.slack.click({ user, channel: CHANNEL, ts, actionId: 'approve' });
        assert.equal(world.stateOf(id), state, user);
      }
    } finally {
      await world.close();
    }
  });
});

describe('the receiver', () => {
  const secret = 'shh';
  const request = (body: string) => {
    const timestamp = String(Math.floor(Date.now() / 1000));
    return new Request('http://127.0.0.1/slack/events', {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
        'x-slack-request-timestamp': timestamp,
        'x-slack-signature': signatureOf(secret, timestamp, body),
      },
      body,
    });
  };
  const clock = { now: () => new Date() };

  test('answers 503 when nothing was acknowledged in time, 500 when it threw, 404 when nobody took it', async () => {
    const handler = (process: Parameters<typeof requestHandler>[1]) =>
      requestHandler({ signingSecret: secret, clock, log: quiet, ackMs: 30 }, process)(request('payload=%7B%7D'));
    assert.equal((await handler(() => new Promise(() => {}))).status, 503);
    assert.equal((await handler(() => Promise.reject(new Error('no')))).status, 500);
    assert.equal((await handler(async () => {})).status, 404);
    const answer = await handler(async ({ ack }) => ack({ response_action: 'clear' }));
    assert.deepEqual([answer.status, await answer.json()], [200, { response_action: 'clear' }]);
  });

  test('what could not be served may come again, what was served may not', async () => {
    let fail = true;
    const handle = requestHandler({ signingSecret: secret, clock, log: quiet }, async ({ ack }) => {
      if (fail) throw new Error('no');
      await ack();
    });
    const again = request('payload=%7B%22n%22%3A1%7D');
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) {
      statuses.push((await handle(again.clone())).status);
      fail = false;
    }
    assert.deepEqual(statuses, [500, 200, 409]);
  });

  test('remembers a bounded number of signatures, each for as long as it could be played again', () => {
    const seen = new SeenSignatures(3);
    const at = (s: number) => new Date(s * 1000);
    assert.equal(seen.add('a', at(0)), true);
    assert.equal(seen.add('a', at(590)), false);
    for (const name of ['b', 'c', 'd', 'e']) assert.equal(seen.add(name, at(591)), true);
    assert.equal(seen.add('e', at(600)), false);
  });
});

describe('Socket Mode', () => {
  test('connects once Slack can be reached, and again when Slack asks for it', async () => {
    const slack = await startSlackStandIn({ rates: false });
    slack.down = true;
    const opening = doorWorld({ transport: 'socket', deps: { apiUrl: slack.apiUrl } });
    await new Promise((resolve) => setTimeout(resolve, 100));
    slack.down = false;
    const world = await opening;
    try {
      assert.equal(slack.connections, 1);
      const asked = () => slack.requests.filter((r) => r.method === 'apps.connections.open').length;
      const before = asked();
      slack.refreshSockets();
      await slack.waitFor(() => asked() > before && slack.connections === 1, 5000);
    } finally {
      await world.close();
      await slack.close();
    }
  });
});
