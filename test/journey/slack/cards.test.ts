import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Approval, Decision } from '../../../src/domain/approval/approval.ts';
import { checkSlack } from '../../../src/slack/setup/check.ts';
import { REQUIRED_SCOPES, slackManifest } from '../../../src/slack/setup/manifest.ts';
import { failureOf, slackClient } from '../../../src/slack/wire/client.ts';
import { quiet } from '../../support/log.ts';
import { CHANNEL, type DoorWorld, doorWorld } from '../../support/slack/door-world.ts';

const vote = (different: Partial<Decision> = {}): Decision => ({
  approver: 'U0MIRA',
  choice: 'approve',
  reason: null,
  via: 'slack',
  self: false,
  userGroup: null,
  at: new Date(),
  ...different,
});

describe('cards in the channel', () => {
  let world: DoorWorld;
  before(async () => {
    world = await doorWorld();
  });
  after(() => world.close());

  const become = async (id: string, different: Partial<Approval>) => {
    const approval = world.approvals.get(id)!;
    world.approvals.set(id, { ...approval, revision: approval.revision + 1, ...different });
    return world.show(id);
  };
  const cardsOf = (id: string) =>
    world.slack.messages(CHANNEL).filter((m) => JSON.stringify(m.metadata ?? {}).includes(`"${id}"`));
  const thread = (ts: string) => world.slack.replies(CHANNEL, ts).map((m) => m.text);

  test('one message for the whole life, and a reply in its thread for each change', async () => {
    const { id, ts } = await world.open({ requirement: { quorum: 2 } });
    await become(id, { callers: 2 });
    assert.deepEqual(thread(ts), []);
    await become(id, { decisions: [vote()] });
    await become(id, { state: 'approved', decisions: [vote(), vote({ approver: 'U0ALEX', reason: 'once' })] });
    await become(id, { state: 'dispatched' });
    await become(id, { state: 'unknown' });
    const replies = thread(ts);
    assert.match(replies[0]!, /<@U0MIRA> approved this call\.\n1 of 2 approvals/);
    assert.match(replies[1]!, /<@U0ALEX> approved this call\.\nApproved by/);
    assert.match(replies[2]!, /running/);
    assert.match(replies[3]!, /Check the system before repeating/);
    assert.equal(replies.length, 4);
    assert.equal(cardsOf(id).length, 1);
    assert.doesNotMatch(JSON.stringify(cardsOf(id)[0]!.blocks), /"action_id":"approve"/);
    await become(id, { state: 'succeeded' });
    assert.match(thread(ts)[4]!, /went through/);
  });

  test('P4: a post whose answer was lost is found again, not repeated', async () => {
    const { id } = await world.open();
    const approval = { ...world.approvals.get(id)!, id: 'ap_lost' };
    world.approvals.set('ap_lost', approval);
    world.slack.failNext('chat.postMessage', { kind: 'drop-answer' });
    const first = await world.cards.show(approval, null);
    assert.deepEqual([first.kind, first.kind === 'later' && first.ambiguous], ['later', true]);
    const intent = { approval: 'ap_lost', channel: '', ts: null, revision: 0, digest: '', postedAt: null };
    const second = await world.cards.show(approval, intent);
    assert.equal(second.kind, 'shown');
    assert.equal(cardsOf('ap_lost').length, 1);
    assert.equal(second.kind === 'shown' && second.ts, cardsOf('ap_lost')[0]!.ts);
  });

  test('P4: a post that never left is posted, once', async () => {
    const { id } = await world.open();
    const approval = { ...world.approvals.get(id)!, id: 'ap_late' };
    world.slack.failNext('chat.postMessage', { kind: 'refuse-connection' });
    assert.equal((await world.cards.show(approval, null)).kind, 'later');
    const intent = { approval: 'ap_late', channel: '', ts: null, revision: 0, digest: '', postedAt: null };
    assert.equal((await world.cards.show(approval, intent)).kind, 'shown');
    assert.equal(cardsOf('ap_late').length, 1);
  });

  test('without the scope for history a second card is better than none', async () => {
    const scopes = Object.keys(REQUIRED_SCOPES);
    const { id } = await world.open();
    world.slack.setScopes(scopes);
    const approval = { ...world.approvals.get(id)!, id: 'ap_blind' };
    const intent = { approval: 'ap_blind', channel: '', ts: null, revision: 0, digest: '', postedAt: null };
    assert.equal((await world.cards.show(approval, intent)).kind, 'shown');
    world.slack.setScopes([...scopes, 'channels:history', 'im:write', 'im:read']);
  });

  const TROUBLE: Record<string, { fault: Parameters<DoorWorld['slack']['failNext']>[1]; expected: object }> = {
    'too many requests': {
      fault: { kind: 'ratelimited', retryAfter: 7 },
      expected: { kind: 'later', afterMs: 7000, why: 'Slack: ratelimited', ambiguous: false },
    },
    'a server error': {
      fault: { kind: 'http-500' },
      expected: { kind: 'later', afterMs: 5000, why: 'Slack: http_500', ambiguous: true },
    },
    'no answer in time': {
      fault: { kind: 'slow', ms: 3000 },
      expected: { kind: 'later', afterMs: 2000, why: 'Slack: no_answer', ambiguous: true },
    },
    'a fatal error, which may have taken effect': {
      fault: { kind: 'error', error: 'fatal_error' },
      expected: { kind: 'later', afterMs: 5000, why: 'Slack: fatal_error', ambiguous: true },
    },
    'a revoked token': {
      fault: { kind: 'error', error: 'token_revoked' },
      expected: { kind: 'later', afterMs: 30_000, why: 'Slack: token_revoked', ambiguous: false },
    },
    'an archived channel': {
      fault: { kind: 'error', error: 'is_archived' },
      expected: { kind: 'unwelcome', why: 'Slack: is_archived' },
    },
  };
  for (const [name, { fault, expected }] of Object.entries(TROUBLE)) {
    test(`posting meets ${name}`, async () => {
      const { id } = await world.open();
      world.slack.failNext('chat.postMessage', fault);
      assert.deepEqual(await world.cards.show({ ...world.approvals.get(id)!, id: 'ap_x' }, null), expected);
    });
  }

  test('a card that somebody deleted is given up, and the decision stands', async () => {
    const { id, ts } = await world.open();
    world.slack.deleteMessage(CHANNEL, ts);
    assert.equal((await become(id, { state: 'approved', decisions: [vote()] })).kind, 'never');
    assert.equal(world.stateOf(id), 'approved');
  });

  test('a card that is found in place of one that is gone, and is gone too, is not looked for again', async () => {
    const { id } = await world.open();
    const twin = {
      channel: CHANNEL,
      text: 'twin',
      metadata: { event_type: 'holdfast_approval', event_payload: { approval: id } },
    };
    const posted = await fetch(`${world.slack.apiUrl}chat.postMessage`, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.slack.botToken}`, 'content-type': 'application/json' },
      body: JSON.stringify(twin),
    });
    assert.equal(((await posted.json()) as { ok: boolean }).ok, true);
    const updates = () => world.slack.requests.filter(({ method }) => method === 'chat.update').length;
    const before = updates();
    for (let n = 0; n < 4; n += 1) world.slack.failNext('chat.update', { kind: 'error', error: 'cant_update_message' });
    const shown = await become(id, { revision: 2 });
    world.slack.clearFaults();
    assert.equal(shown.kind, 'shown');
    assert.equal(updates() - before, 2);
    assert.equal(cardsOf(id).length, 3, 'the first, its twin, and one that can be decided');
  });

  test('a Slack that does not know rich text gets the card in plain text', async () => {
    world.slack.failNext('chat.postMessage', { kind: 'error', error: 'invalid_blocks' });
    const { id } = await world.open();
    assert.doesNotMatch(JSON.stringify(cardsOf(id)[0]!.blocks), /rich_text/);
  });

  test('a thread reply that was refused comes with the next try', async () => {
    const { id, ts } = await world.open();
    world.slack.failNext('chat.postMessage', { kind: 'ratelimited' });
    assert.equal((await become(id, { state: 'approved', decisions: [vote()] })).kind, 'later');
    assert.equal((await world.show(id)).kind, 'shown');
    assert.equal(thread(ts).length, 1);
  });

  test('P8: a channel that outsiders read gets no card, and one that becomes shared gets no update', async () => {
    const { id } = await world.open();
    world.slack.channel(CHANNEL).is_ext_shared = true;
    world.clock.advance(61_000);
    const refused = await become(id, { state: 'approved', decisions: [vote()] });
    world.slack.channel(CHANNEL).is_ext_shared = false;
    world.clock.advance(61_000);
    assert.deepEqual(refused, { kind: 'unwelcome', why: 'the channel is shared with another organisation' });
  });

  test('reminder, escalation and crowding are one line each', async () => {
    const escalate = { afterMs: 1, groups: ['oncall'], people: ['U0SAM'], userGroups: [], admin: false };
    const { id, ts } = await world.open({ requirement: { escalate } });
    await become(id, { remindedAt: new Date() });
    await become(id, { escalatedAt: new Date() });
    await become(id, { callers: 2 });
    const [first, second, ...more] = thread(ts);
    assert.match(first!, /Still waiting for `security` \(<@U0MIRA>, <@U0ALEX>\).*expires/);
    assert.match(second!, /`oncall` \(<@U0SAM>\) may decide this now/);
    assert.deepEqual(more, []);
    assert.match(JSON.stringify(cardsOf(id)[0]!.blocks), /Since .* also: `oncall` \(<@U0SAM>\)/);
    await world.cards.crowded(
      { grant: 'release-bot', server: 'prometheus', tool: 'create_api_key' },
      { kind: 'pending', pending: 20 },
    );
    assert.match(world.slack.messages(CHANNEL).at(-1)!.text, /`release-bot` has 20 calls waiting/);
  });
});

describe('where cards go', () => {
  test('a channel per tool and per server, the tool’s first', async () => {
    const world = await doorWorld({
      standIn: { channels: [{ id: 'C0TOOL' }, { id: 'C0SERVER' }] },
      deps: { servers: { prometheus: 'C0SERVER' }, tools: { 'prometheus.create_api_key': 'C0TOOL' } },
    });
    try {
      await world.open();
      await world.open({ tool: 'delete_key' });
      await world.open({ server: 'constructor' });
      const count = (channel: string) => world.slack.messages(channel).length;
      assert.deepEqual([count('C0TOOL'), count('C0SERVER'), count(CHANNEL)], [1, 1, 1]);
    } finally {
      await world.close();
    }
  });

  test('instead of the channel: the only approver’s direct messages, decided there', async () => {
    const world = await doorWorld({ deps: { direct: 'instead' } });
    try {
      const { id, ts } = await world.open({ requirement: { people: ['U0MIRA'] } });
      const { channel } = world.records.get(id)!;
      assert.match(channel, /^D/);
      await world.slack.click({ user: 'U0MIRA', channel, ts, actionId: 'approve' });
      assert.equal(world.stateOf(id), 'approved');
      await world.show(id);
      assert.equal(world.slack.replies(channel, ts).length, 1);
      await world.open();
      assert.equal(world.slack.messages(CHANNEL).length, 1);
    } finally {
      await world.close();
    }
  });

  test('beside the channel: a line with a link to each person named', async () => {
    const world = await doorWorld({ deps: { direct: 'beside' } });
    try {
      await world.open();
      for (const user of ['MIRA', 'ALEX']) {
        const [line] = world.slack.messages(`D0${user}`);
        assert.match(line!.text, /is waiting for you/);
        assert.doesNotMatch(JSON.stringify(line!.blocks), /button/);
      }
    } finally {
      await world.close();
    }
  });
});

describe('the set-up', () => {
  test('a good one has no faults', async () => {
    const world = await doorWorld();
    try {
      const api = slackClient({ token: world.slack.botToken, apiUrl: world.slack.apiUrl, log: quiet });
      const setup = { channel: CHANNEL, userGroups: ['S0123ABC'], people: ['U0MIRA'], team: 'T0MAIN' };
      assert.deepEqual(await checkSlack(api, setup), []);
    } finally {
      await world.close();
    }
  });

  test('each fault is named with its remedy', async () => {
    const world = await doorWorld({
      standIn: {
        scopes: Object.keys(REQUIRED_SCOPES).filter((scope) => scope !== 'im:write'),
        channels: [
          { id: 'C0SHARED', is_ext_shared: true },
          { id: 'C0NOTIN', members: [] },
        ],
        userGroups: [{ id: 'S0EMPTY', users: [] }],
        users: [{ id: 'U0GUEST', is_restricted: true }],
      },
    });
    try {
      const api = slackClient({ token: world.slack.botToken, apiUrl: world.slack.apiUrl, log: quiet });
      const faults = await checkSlack(api, {
        channel: 'C0SHARED',
        channels: ['C0NOTIN', 'C0NONE', '#approvals'],
        userGroups: ['S0EMPTY', 'S0NONE'],
        people: ['U0GUEST', 'U0NONE'],
        team: 'T0OTHER',
      });
      const wanted = [
        /workspace T0MAIN, the config says T0OTHER/,
        /im:write is missing/,
        /channels:history/,
        /C0SHARED is shared/,
        /not in channel C0NOTIN/,
        /no channel C0NONE/,
        /#approvals is no channel id/,
        /S0EMPTY is empty/,
        /no user group S0NONE/,
        /U0GUEST can never approve: is_restricted/,
        /no person U0NONE/,
      ];
      for (const what of wanted) {
        const fault = faults.find((f) => what.test(f.what));
        assert.ok(fault, `${what} was not found in ${JSON.stringify(faults.map((f) => f.what))}`);
        assert.ok(fault.remedy.length > 10);
      }
      const wrong = slackClient({ token: 'xoxb-wrong', apiUrl: world.slack.apiUrl, log: quiet });
      assert.match((await checkSlack(wrong, { channel: CHANNEL, userGroups: [] }))[0]!.what, /refuses SLACK_BOT_TOKEN/);
      world.slack.down = true;
      assert.match((await checkSlack(api, { channel: CHANNEL, userGroups: [] }))[0]!.what, /does not answer/);
    } finally {
      await world.close();
    }
  });

  test('the manifest asks for every scope, and for a URL or Socket Mode', () => {
    const http = slackManifest({ publicUrl: 'https://hold.example' });
    for (const scope of Object.keys(REQUIRED_SCOPES)) assert.ok(http.includes(scope));
    assert.match(http, /request_url: https:\/\/hold\.example\/slack\/events/);
    assert.match(slackManifest({ publicUrl: null }), /socket_mode_enabled: true/);
  });

  test('an error that nobody foresaw counts as ambiguous', () => {
    const brokenOff = { code: 'no_answer', retryable: true, afterMs: 5_000, ambiguous: true };
    assert.deepEqual(failureOf(new Error('what?')), brokenOff);
  });
});
