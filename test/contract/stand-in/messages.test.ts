import assert from 'node:assert/strict';
import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import bolt from '@slack/bolt';
import { ErrorCode, type KnownBlock, LogLevel, type View, WebClient } from '@slack/web-api';
import { type SlackStandIn, type SlackStandInOptions, startSlackStandIn } from '../../../src/demo/slack/stand-in.ts';

const CHANNEL = 'C0APPROVALS';

async function standIn(t: TestContext, options: SlackStandInOptions = {}): Promise<SlackStandIn> {
  const slack = await startSlackStandIn({ rates: false, ...options });
  t.after(() => slack.close());
  return slack;
}

function clientOf(slack: SlackStandIn, token = slack.botToken): WebClient {
  return new WebClient(token, {
    slackApiUrl: slack.apiUrl,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    logLevel: LogLevel.ERROR,
    logger: quiet,
  });
}

const quiet = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  setLevel() {},
  getLevel: () => LogLevel.ERROR,
  setName() {},
};

/** The name of Slack's error, or of the web client's. */
async function errorOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    const of = error as { code?: string; data?: { error?: string } };
    return of.data?.error ?? of.code ?? String(error);
  }
  return 'none';
}

const CARD: KnownBlock[] = [
  { type: 'header', text: { type: 'plain_text', text: 'Approval needed' } },
  {
    type: 'actions',
    block_id: 'decide',
    elements: [
      {
        type: 'button',
        action_id: 'approve',
        style: 'primary',
        text: { type: 'plain_text', text: 'Approve' },
        value: 'a1',
      },
    ],
  },
];

const MODAL: View = {
  type: 'modal',
  callback_id: 'deny',
  title: { type: 'plain_text', text: 'Deny' },
  submit: { type: 'plain_text', text: 'Deny' },
  notify_on_close: true,
  blocks: [
    {
      type: 'input',
      block_id: 'reason',
      label: { type: 'plain_text', text: 'Reason' },
      element: { type: 'plain_text_input', action_id: 'text', max_length: 100 },
    },
  ],
};

/** The real Bolt, over HTTP or Socket Mode, that talks to the stand-in. */
async function boltOver(t: TestContext, slack: SlackStandIn, transport: 'http' | 'socket') {
  const clientOptions = { slackApiUrl: slack.apiUrl, retryConfig: { retries: 0 } };
  const common = { token: slack.botToken, clientOptions, logger: quiet, convoStore: false as const };
  const app =
    transport === 'socket'
      ? new bolt.App({ ...common, socketMode: true, appToken: slack.appToken, deferInitialization: true })
      : new bolt.App({
          ...common,
          receiver: new bolt.HTTPReceiver({ signingSecret: slack.signingSecret, logger: quiet }),
          deferInitialization: true,
        });
  await app.init();
  const started = await app.start(0);
  t.after(() => app.stop());
  if (transport === 'http') {
    slack.interactivityUrl = `http://127.0.0.1:${((started as Server).address() as AddressInfo).port}/slack/events`;
  } else {
    await slack.waitFor(() => slack.connections > 0);
  }
  return app;
}

test('it tells the app who it is, and knows its tokens', async (t) => {
  const slack = await standIn(t);
  const who = await clientOf(slack).auth.test();
  assert.equal(who.team_id, 'T0MAIN');
  assert.equal(who.user_id, slack.workspace.botUser);
  assert.equal(await errorOf(clientOf(slack, 'xoxb-wrong').auth.test()), 'invalid_auth');
  assert.equal(await errorOf(new WebClient(undefined, { slackApiUrl: slack.apiUrl }).auth.test()), 'not_authed');
  assert.equal(await errorOf(clientOf(slack, slack.appToken).auth.test()), 'not_allowed_token_type');
  assert.ok(!JSON.stringify(slack.requests).includes(slack.botToken), 'no token in the record');
});

test('a missing scope is refused by its name', async (t) => {
  const slack = await standIn(t, { scopes: ['chat:write'] });
  const client = clientOf(slack);
  const call = client.users.info({ user: 'U0MIRA' });
  await assert.rejects(call, (error: { data: { error: string; needed: string } }) => {
    assert.deepEqual([error.data.error, error.data.needed], ['missing_scope', 'users:read']);
    return true;
  });
  assert.equal(await errorOf(client.conversations.info({ channel: CHANNEL })), 'missing_scope');
  slack.setScopes(['chat:write', 'users:read', 'channels:read']);
  assert.equal((await client.users.info({ user: 'U0MIRA' })).user?.name, 'mira');
  assert.equal((await client.conversations.info({ channel: CHANNEL })).channel?.is_ext_shared, false);
});

test('it keeps messages, their versions, threads, ephemeral notes and metadata', async (t) => {
  const slack = await standIn(t);
  const client = clientOf(slack);
  const metadata = { event_type: 'holdfast', event_payload: { approval: 'a1' } };
  const posted = await client.chat.postMessage({ channel: CHANNEL, text: 'one', blocks: CARD, metadata });
  const ts = posted.ts!;
  await client.chat.postMessage({ channel: CHANNEL, text: 'reply', thread_ts: ts });
  await client.chat.postEphemeral({ channel: CHANNEL, user: 'U0MIRA', text: 'only you' });
  await client.chat.update({ channel: CHANNEL, ts, text: 'two' });

  const [message] = slack.messages(CHANNEL);
  assert.deepEqual(
    message?.versions.map((v) => [v.text, v.blocks.length]),
    [
      ['one', 2],
      ['two', 0],
    ],
  );
  assert.deepEqual(message?.metadata, metadata, 'metadata outlives an update without it');
  assert.deepEqual(
    slack.replies(CHANNEL, ts).map((m) => m.text),
    ['reply'],
  );
  assert.deepEqual(
    slack.ephemerals('U0MIRA').map((m) => m.text),
    ['only you'],
  );
  const history = await client.conversations.history({ channel: CHANNEL, include_all_metadata: true });
  assert.deepEqual(
    history.messages?.map((m) => m.metadata),
    [metadata],
  );
  const thread = await client.conversations.replies({ channel: CHANNEL, ts });
  assert.deepEqual(
    thread.messages?.map((m) => m.text),
    ['two', 'reply'],
  );
});

test('messages that Slack would refuse are refused by the same name', async (t) => {
  const slack = await standIn(t, {
    channels: [
      { id: 'C0ELSE', name: 'else', members: ['U0MIRA'] },
      { id: 'G0SECRET', is_private: true, members: ['U0MIRA'] },
      { id: 'C0OLD', is_archived: true },
    ],
  });
  const client = clientOf(slack);
  const posting = (channel: string, more: { text?: string; blocks?: unknown } = { text: 'x' }) =>
    errorOf(client.apiCall('chat.postMessage', { channel, ...more }));
  assert.equal(await posting('C0NONE'), 'channel_not_found');
  assert.equal(await posting('G0SECRET'), 'channel_not_found', 'a private channel does not exist for outsiders');
  assert.equal(await posting('C0ELSE'), 'not_in_channel');
  assert.equal(await posting('C0OLD'), 'is_archived');
  assert.equal(await posting(CHANNEL, {}), 'no_text');
  assert.equal(await posting(CHANNEL, { blocks: 'no json' }), 'invalid_blocks_format');
  assert.equal(await posting('#approvals'), 'none', 'a name will do for a post');

  const { ts } = await client.chat.postMessage({ channel: CHANNEL, text: 'x' });
  const updating = (channel: string, at: string, text: string) =>
    errorOf(client.chat.update({ channel, ts: at, text }));
  assert.equal(await updating('approvals', ts!, 'y'), 'channel_not_found', 'but not for an update');
  assert.equal(await updating(CHANNEL, '1.000001', 'y'), 'message_not_found');
  assert.equal(await updating(CHANNEL, ts!, 'y'.repeat(4001)), 'msg_too_long');
  assert.equal(await updating(CHANNEL, ts!, 'y'.repeat(4000)), 'none');
  const theirs = slack.say({ user: 'U0MIRA', channel: CHANNEL, text: 'hello' });
  assert.equal(await updating(CHANNEL, theirs.ts, 'y'), 'cant_update_message');
  slack.deleteMessage(CHANNEL, ts!);
  assert.equal(await updating(CHANNEL, ts!, 'y'), 'message_not_found');
});

const plain = (length: number) => ({ type: 'plain_text', text: 'x'.repeat(length) });
const section = (length: number) => ({ type: 'section', text: plain(length) });
const button = (more: object) => ({ type: 'actions', elements: [{ type: 'button', text: plain(1), ...more }] });
const many = <T>(count: number, of: T): T[] => new Array<T>(count).fill(of);
const confirm = (title: number, text: number) => button({ confirm: { title: plain(title), text: plain(text) } });
const preformatted = (text: string) => ({
  type: 'rich_text',
  elements: [{ type: 'rich_text_preformatted', elements: [{ type: 'text', text }] }],
});

/** The most that Slack takes, and the least that it does not. */
const LIMITS: readonly (readonly [what: string, fits: unknown[], tooMuch: unknown[], fault: RegExp])[] = [
  ['50 blocks', many(50, section(1)), many(51, section(1)), /no more than 50 items/],
  ['section text of 3000', [section(3000)], [section(3001)], /less than 3001 .*\/blocks\/0\/text\/text/],
  ['text that is not empty', [section(1)], [section(0)], /more than 0/],
  [
    '10 fields',
    [{ type: 'section', fields: many(10, plain(1)) }],
    [{ type: 'section', fields: many(11, plain(1)) }],
    /10 items/,
  ],
  [
    'fields of 2000',
    [{ type: 'section', fields: [plain(2000)] }],
    [{ type: 'section', fields: [plain(2001)] }],
    /2001/,
  ],
  ['a header of 150', [{ type: 'header', text: plain(150) }], [{ type: 'header', text: plain(151) }], /151/],
  [
    'a plain header',
    [{ type: 'header', text: plain(1) }],
    [{ type: 'header', text: { type: 'mrkdwn', text: 'x' } }],
    /plain_text/,
  ],
  [
    '10 context elements',
    [{ type: 'context', elements: many(10, plain(1)) }],
    [{ type: 'context', elements: many(11, plain(1)) }],
    /10 items/,
  ],
  ['button text of 75', [button({ text: plain(75) })], [button({ text: plain(76) })], /76/],
  ['a value of 2000', [button({ value: 'x'.repeat(2000) })], [button({ value: 'x'.repeat(2001) })], /2001/],
  ['an action_id of 255', [button({ action_id: 'x'.repeat(255) })], [button({ action_id: 'x'.repeat(256) })], /256/],
  [
    'a block_id of 255',
    [{ type: 'divider', block_id: 'x'.repeat(255) }],
    [{ type: 'divider', block_id: 'x'.repeat(256) }],
    /256/,
  ],
  [
    'block ids that differ',
    [
      { type: 'divider', block_id: 'a' },
      { type: 'divider', block_id: 'b' },
    ],
    many(2, { type: 'divider', block_id: 'a' }),
    /already exists/,
  ],
  ['a confirm title of 100', [confirm(100, 1)], [confirm(101, 1)], /101/],
  ['a confirm text of 300', [confirm(1, 300)], [confirm(1, 301)], /301/],
  ['styles it knows', [button({ style: 'danger' })], [button({ style: 'warning' })], /primary, danger/],
  ['members it knows', [section(1)], [{ ...section(1), colour: 'red' }], /invalid additional property: colour/],
  ['blocks it knows', [{ type: 'divider' }], [{ type: 'table', rows: [] }], /unsupported type: table/],
  [
    'no images',
    [{ type: 'divider' }],
    [{ type: 'image', image_url: 'http://x/', alt_text: 'x' }],
    /unsupported type: image/,
  ],
  ['preformatted text', [preformatted('{}')], [preformatted('')], /more than 0/],
];

for (const [what, fits, tooMuch, fault] of LIMITS) {
  test(`a message may have ${what}, and no more`, async (t) => {
    const slack = await standIn(t);
    const client = clientOf(slack);
    assert.equal(await errorOf(client.apiCall('chat.postMessage', { channel: CHANNEL, blocks: fits })), 'none');
    const call = client.apiCall('chat.postMessage', { channel: CHANNEL, blocks: tooMuch });
    await assert.rejects(call, (error: { data: { error: string; response_metadata: { messages: string[] } } }) => {
      assert.equal(error.data.error, 'invalid_blocks');
      assert.match(error.data.response_metadata.messages.join('\n'), fault);
      return true;
    });
    assert.equal(slack.messages(CHANNEL).length, 1, 'a refused message is not posted');
  });
}

test('13,200 characters over all blocks are the most', async (t) => {
  const slack = await standIn(t);
  const client = clientOf(slack);
  const post = (last: number) =>
    errorOf(
      client.apiCall('chat.postMessage', { channel: CHANNEL, blocks: [...many(4, section(3000)), section(last)] }),
    );
  assert.equal(await post(1200), 'none');
  assert.equal(await post(1201), 'msg_blocks_too_long');
});

test('a channel takes about one message a second, then 429 with Retry-After', async (t) => {
  let now = 1_800_000_000_000;
  const slack = await standIn(t, { rates: 1, now: () => now, channels: [{ id: 'C0OTHER' }] });
  const client = clientOf(slack);
  const post = (channel: string) => client.chat.postMessage({ channel, text: 'x' });
  for (let i = 0; i < 5; i += 1) await post(CHANNEL);
  await assert.rejects(post(CHANNEL), (error: { code: string; retryAfter: number }) => {
    assert.deepEqual([error.code, error.retryAfter], [ErrorCode.RateLimitedError, 1]);
    return true;
  });
  await post('C0OTHER');
  now += 1000;
  await post(CHANNEL);
  assert.equal(await errorOf(post(CHANNEL)), ErrorCode.RateLimitedError);
  slack.rates = false;
  await post(CHANNEL);
  assert.equal(slack.messages(CHANNEL).length, 7);
});

test('a message is updated 50 times a minute and no more', async (t) => {
  const slack = await standIn(t, { rates: 1, now: () => 1_800_000_000_000 });
  const client = clientOf(slack);
  const { ts } = await client.chat.postMessage({ channel: CHANNEL, text: 'x' });
  for (let i = 0; i < 50; i += 1) await client.chat.update({ channel: CHANNEL, ts: ts!, text: `${i}` });
  assert.equal(await errorOf(client.chat.update({ channel: CHANNEL, ts: ts!, text: 'x' })), ErrorCode.RateLimitedError);
});

test('faults come when told: an answer lost after the effect, a refused connection, a 500, a 429, a name', async (t) => {
  const slack = await standIn(t);
  const client = clientOf(slack);
  const post = () => errorOf(client.chat.postMessage({ channel: CHANNEL, text: 'x' }));
  slack.failNext('chat.postMessage', { kind: 'drop-answer' });
  assert.equal(await post(), ErrorCode.RequestError);
  assert.equal(slack.messages(CHANNEL).length, 1, 'a dropped answer leaves the message behind');
  slack.failNext('chat.postMessage', { kind: 'refuse-connection', times: 2 });
  assert.deepEqual([await post(), await post()], [ErrorCode.RequestError, ErrorCode.RequestError]);
  slack.failNext('*', { kind: 'http-500' });
  assert.equal(await post(), ErrorCode.HTTPError);
  slack.failNext('chat.postMessage', { kind: 'ratelimited', retryAfter: 7 });
  assert.equal(await post(), ErrorCode.RateLimitedError);
  slack.failNext('chat.postMessage', { kind: 'error', error: 'fatal_error' });
  assert.equal(await post(), 'fatal_error');
  assert.equal(slack.messages(CHANNEL).length, 1, 'no other fault has an effect');
  assert.equal(await post(), 'none');
  slack.down = true;
  assert.equal(await post(), ErrorCode.RequestError);
  slack.down = false;
  assert.equal(await post(), 'none');
});

test('people and groups answer as Slack has them now', async (t) => {
  const slack = await standIn(t);
  const client = clientOf(slack);
  slack.user('U0MIRA').deleted = true;
  slack.addUser({ id: 'U0GUEST', is_restricted: true });
  slack.addUser({ id: 'W0OUT', team_id: 'T0OTHER', is_stranger: true });
  assert.equal((await client.users.info({ user: 'U0MIRA' })).user?.deleted, true);
  assert.equal((await client.users.info({ user: 'U0GUEST' })).user?.is_restricted, true);
  assert.equal((await client.users.info({ user: 'W0OUT' })).user?.team_id, 'T0OTHER');
  assert.equal(await errorOf(client.users.info({ user: 'U0NOBODY' })), 'user_not_found');
  assert.deepEqual((await client.usergroups.users.list({ usergroup: 'S0123ABC' })).users, ['U0MIRA', 'U0ALEX']);
  slack.userGroup('S0123ABC').users = ['U0ALEX'];
  assert.deepEqual((await client.usergroups.users.list({ usergroup: 'S0123ABC' })).users, ['U0ALEX']);
  assert.equal(await errorOf(client.usergroups.users.list({ usergroup: 'S0NONE' })), 'no_such_subteam');
  slack.workspace.team.plan = 'free';
  assert.equal(await errorOf(client.usergroups.list()), 'plan_upgrade_required');
  slack.channel(CHANNEL).is_ext_shared = true;
  assert.equal((await client.conversations.info({ channel: CHANNEL })).channel?.is_shared, true);
  const direct = await client.conversations.open({ users: 'U0ALEX' });
  const posted = await client.chat.postMessage({ channel: direct.channel!.id!, text: 'to you' });
  assert.equal(posted.channel, direct.channel?.id);
});

for (const transport of ['http', 'socket'] as const) {
  test(`a click reaches Bolt over ${transport}, with the identity Slack gives`, async (t) => {
    const slack = await standIn(t);
    const app = await boltOver(t, slack, transport);
    const seen: bolt.BlockAction[] = [];
    app.action('approve', async ({ ack, body }) => {
      seen.push(body as bolt.BlockAction);
      await ack();
    });
    const { ts } = await clientOf(slack).chat.postMessage({ channel: CHANNEL, text: 'card', blocks: CARD });
    slack.addUser({ id: 'U0OUT', team_id: 'T0OTHER' });
    const reaction = await slack.click({ user: 'U0OUT', channel: CHANNEL, ts: ts!, actionId: 'approve' });
    assert.deepEqual([reaction.status, reaction.body], [200, '']);
    const body = seen[0]!;
    assert.deepEqual(
      [body.user.id, body.user.team_id, body.team?.id, body.api_app_id, body.is_enterprise_install],
      ['U0OUT', 'T0OTHER', 'T0MAIN', slack.workspace.appId, false],
      "over Connect the team is the app's, the user's team is the outsider's",
    );
    assert.deepEqual([body.container.channel_id, body.container.message_ts, body.channel?.id], [CHANNEL, ts, CHANNEL]);
    const action = body.actions[0] as bolt.ButtonAction;
    assert.deepEqual([action.action_id, action.block_id, action.value], ['approve', 'decide', 'a1']);

    await slack.click({
      user: 'U0MIRA',
      channel: CHANNEL,
      ts: ts!,
      actionId: 'approve',
      value: 'tampered',
      userTeam: 'E0GRID',
      team: null,
      enterprise: { id: 'E0GRID', name: 'Grid' },
      overrides: { is_enterprise_install: true, user: { username: 'mira; admin' } },
    });
    const grid = seen[1]!;
    assert.deepEqual([grid.team, grid.enterprise?.id, grid.user.team_id], [null, 'E0GRID', 'E0GRID']);
    assert.deepEqual([grid.user.id, grid.user.username], ['U0MIRA', 'mira; admin']);
    assert.equal((grid.actions[0] as bolt.ButtonAction).value, 'tampered');
  });

  test(`a modal opens, is corrected and closes over ${transport}`, async (t) => {
    const slack = await standIn(t);
    const app = await boltOver(t, slack, transport);
    const closed: string[] = [];
    app.action('approve', async ({ ack, body, client }) => {
      await ack();
      await client.views.open({ trigger_id: (body as bolt.BlockAction).trigger_id, view: MODAL });
    });
    app.view('deny', async ({ ack, view }) => {
      const reason = view.state.values.reason?.text?.value;
      if (reason === 'no') await ack({ response_action: 'errors', errors: { reason: 'Say more.' } });
      else if (reason === 'stray') await ack({ response_action: 'errors', errors: { other: 'x' } });
      else if (reason === 'more') await ack({ response_action: 'update', view: { ...MODAL, callback_id: 'next' } });
      else await ack({ response_action: 'clear' });
    });
    app.view({ callback_id: 'next', type: 'view_closed' }, async ({ ack, body }) => {
      closed.push(body.user.id);
      await ack();
    });
    const { ts } = await clientOf(slack).chat.postMessage({ channel: CHANNEL, text: 'card', blocks: CARD });
    const open = async () => {
      await slack.click({ user: 'U0MIRA', channel: CHANNEL, ts: ts!, actionId: 'approve' });
      await slack.waitFor(() => slack.openViews('U0MIRA').length === 1);
    };
    const submit = async (reason: string) => slack.submitView({ user: 'U0MIRA', values: { reason: { text: reason } } });

    await open();
    assert.equal((await submit('')).handled, 'incomplete', "Slack's own client does not send it");
    assert.deepEqual((await submit('no')).errors, { reason: 'Say more.' });
    assert.equal((await submit('stray')).handled, 'trouble');
    assert.equal(slack.openViews('U0MIRA').length, 1, 'errors leave it open');
    assert.equal((await submit('because')).handled, 'cleared');
    assert.equal(slack.openViews('U0MIRA').length, 0);
    await open();
    assert.equal((await submit('more')).handled, 'updated');
    await slack.closeView({ user: 'U0MIRA' });
    assert.deepEqual(closed, ['U0MIRA']);
  });
}

test('a trigger opens one modal within three seconds', async (t) => {
  let now = 1_800_000_000_000;
  const slack = await standIn(t, { now: () => now, ackMs: 200 });
  const client = clientOf(slack);
  slack.interactivityUrl = 'http://127.0.0.1:9/';
  const { ts } = await client.chat.postMessage({ channel: CHANNEL, text: 'card', blocks: CARD });
  const trigger = async () => {
    await slack.click({ user: 'U0MIRA', channel: CHANNEL, ts: ts!, actionId: 'approve' });
    return String(slack.deliveries.at(-1)?.payload?.trigger_id);
  };
  const open = (trigger_id: string, view: View = MODAL) => errorOf(client.views.open({ trigger_id, view }));
  const first = await trigger();
  const long: View = { ...MODAL, title: { type: 'plain_text', text: 'x'.repeat(25) } };
  assert.equal(await open(first, long), 'invalid_arguments', 'a refused view does not spend the trigger');
  assert.equal(await open(first), 'none');
  assert.equal(await open(first), 'exchanged_trigger_id');
  const second = await trigger();
  now += 3000;
  assert.equal(await open(second), 'expired_trigger_id');
  assert.equal(await open('1.2.abc'), 'invalid_trigger_id');
});

test('a modal has limits of its own', async (t) => {
  const slack = await standIn(t, { ackMs: 200 });
  slack.interactivityUrl = 'http://127.0.0.1:9/';
  const client = clientOf(slack);
  const { ts } = await client.chat.postMessage({ channel: CHANNEL, text: 'card', blocks: CARD });
  const open = async (view: object) => {
    await slack.click({ user: 'U0MIRA', channel: CHANNEL, ts: ts!, actionId: 'approve' });
    const trigger_id = String(slack.deliveries.at(-1)?.payload?.trigger_id);
    return errorOf(client.views.open({ trigger_id, view: { ...MODAL, ...view } as View }));
  };
  assert.equal(await open({ blocks: many(100, section(1)) }), 'none');
  assert.equal(await open({ blocks: many(101, section(1)) }), 'invalid_arguments');
  assert.equal(await open({ blocks: many(90, section(2900)) }), 'view_too_large');
  assert.equal(await open({ private_metadata: 'x'.repeat(3000) }), 'none');
  assert.equal(await open({ private_metadata: 'x'.repeat(3001) }), 'invalid_arguments');
  assert.equal(await open({ submit: undefined }), 'invalid_arguments', 'inputs need a submit');
});

test('a response_url answers five times in half an hour', async (t) => {
  let now = 1_800_000_000_000;
  const slack = await standIn(t, { now: () => now, ackMs: 200 });
  slack.interactivityUrl = 'http://127.0.0.1:9/';
  const { ts } = await clientOf(slack).chat.postMessage({ channel: CHANNEL, text: 'card', blocks: CARD });
  const click = async () => {
    await slack.click({ user: 'U0MIRA', channel: CHANNEL, ts: ts!, actionId: 'approve' });
    return String(slack.deliveries.at(-1)?.payload?.response_url);
  };
  const respond = async (url: string, body: object) => {
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
    return `${response.status} ${await response.text()}`;
  };
  const url = await click();
  assert.equal(await respond(url, { text: 'for you' }), '200 ok');
  assert.deepEqual(
    slack.ephemerals('U0MIRA').map((m) => m.text),
    ['for you'],
  );
  assert.equal(await respond(url, { text: 'new', replace_original: true }), '200 ok');
  assert.equal(slack.messages(CHANNEL)[0]?.text, 'new');
  for (let i = 0; i < 3; i += 1) await respond(url, { text: 'more' });
  assert.match(await respond(url, { text: 'sixth' }), /^404 .*used_url/);
  const late = await click();
  now += 30 * 60_000;
  assert.match(await respond(late, { text: 'late' }), /^404 .*expired_url/);
});

test('Bolt refuses what was forged, stale or signed by another, and takes what is true', async (t) => {
  const slack = await standIn(t);
  const app = await boltOver(t, slack, 'http');
  let clicks = 0;
  app.action('approve', async ({ ack }) => {
    clicks += 1;
    await ack();
  });
  const { ts } = await clientOf(slack).chat.postMessage({ channel: CHANNEL, text: 'card', blocks: CARD });
  await slack.click({ user: 'U0MIRA', channel: CHANNEL, ts: ts!, actionId: 'approve' });
  const sent = slack.deliveries[0]!;
  const seconds = Math.floor(Date.now() / 1000);
  assert.equal((await slack.deliver(sent.body, { signature: `v0=${'0'.repeat(64)}` })).status, 401);
  assert.equal((await slack.deliver(sent.body, { timestamp: seconds - 400 })).status, 401);
  assert.equal((await slack.deliver(sent.body, { timestamp: seconds - 9, signature: sent.signature })).status, 401);
  assert.equal((await slack.deliver(sent.body, { headers: { 'x-slack-signature': '' } })).status, 401);
  assert.equal(clicks, 1);
  assert.equal((await slack.deliver(sent.body)).status, 200);
  assert.equal((await slack.deliver(sent.body, { timestamp: sent.timestamp, signature: sent.signature })).status, 200);
  assert.equal(clicks, 3, 'a replay is truly signed: the app itself must not be fooled twice');
});

test('a socket address is good for one connection, and a cut socket is noticed', async (t) => {
  const slack = await standIn(t);
  const { url } = await clientOf(slack, slack.appToken).apps.connections.open();
  const first = new WebSocket(url!);
  await slack.waitFor(() => slack.connections === 1);
  const second = new WebSocket(url!);
  const met = await new Promise<string>((resolve) => {
    for (const event of ['open', 'error']) second.addEventListener(event, () => resolve(event), { once: true });
  });
  assert.equal(met, 'error');
  assert.equal(slack.connections, 1);
  assert.equal(await errorOf(clientOf(slack).apps.connections.open()), 'not_allowed_token_type');
  slack.cutSockets();
  await new Promise((resolve) => first.addEventListener('close', resolve, { once: true }));
  assert.equal(slack.connections, 0);
});

test('the page shows data as data, and takes gestures from itself only', async (t) => {
  const slack = await standIn(t);
  const app = await boltOver(t, slack, 'http');
  const clicks: string[] = [];
  app.action('approve', async ({ ack, body }) => {
    clicks.push(body.user.id);
    await ack();
  });
  const evil = '<img src=x onerror=alert(1)>"\'&amp;lt;script&gt;';
  const { ts } = await clientOf(slack).chat.postMessage({
    channel: CHANNEL,
    text: 'card',
    blocks: [
      ...CARD,
      {
        type: 'section',
        text: { type: 'mrkdwn', text: `*bold <@U0MIRA>* ${evil} <javascript:alert(1)|click> \`${evil}\`` },
      },
      { type: 'section', text: { type: 'plain_text', text: evil } },
    ],
  });
  const page = await (await fetch(slack.url)).text();
  assert.ok(!page.includes('<img') && !page.includes('<script>') && !page.includes('href="javascript:'));
  assert.match(page, /<b>bold <span class="mention">@Mira<\/span><\/b>/);

  const click = (headers: Record<string, string>) =>
    fetch(`${slack.url}/page/click`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ user: 'U0ALEX', channel: CHANNEL, ts, actionId: 'approve' }),
    });
  assert.equal((await click({})).status, 403);
  assert.equal((await click({ origin: 'http://evil.example' })).status, 403);
  assert.equal((await click({ origin: slack.url, 'content-type': 'text/plain' })).status, 415);
  assert.deepEqual(clicks, []);
  assert.deepEqual(await (await click({ origin: slack.url })).json(), { trouble: null });
  assert.deepEqual(clicks, ['U0ALEX']);
});

test('the page answers to loopback names only', async (t) => {
  const slack = await standIn(t);
  const status = await new Promise<number | undefined>((resolve, reject) => {
    get({ port: slack.port, host: '127.0.0.1', headers: { host: 'evil.example' } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
  assert.equal(status, 403);
});

test('an open page hears of changes', async (t) => {
  const slack = await standIn(t);
  const stream = await fetch(`${slack.url}/page/changes`);
  const reader = stream.body!.getReader();
  await reader.read();
  slack.say({ user: 'U0MIRA', channel: CHANNEL, text: 'hello' });
  const { value } = await reader.read();
  assert.match(new TextDecoder().decode(value), /data: changed/);
  await reader.cancel();
  const parts = (await (await fetch(`${slack.url}/page/parts`)).json()) as { channel: string };
  assert.match(parts.channel, /hello/);
});

test('waiting ends with what was waited for, or with the reason why not', async (t) => {
  const slack = await standIn(t);
  const hello = slack.waitFor(() => slack.messages(CHANNEL).find((m) => m.text === 'hello'));
  slack.say({ user: 'U0MIRA', channel: CHANNEL, text: 'hello' });
  assert.equal((await hello).user, 'U0MIRA');
  await assert.rejects(
    slack.waitFor(() => slack.messages(CHANNEL).length > 5, 20),
    /in vain.*length > 5/,
  );
  const never = slack.waitFor(() => false);
  await Promise.all([assert.rejects(never, /closed/), slack.close()]);
});

test('an app that does not answer in time is noticed, over both transports', async (t) => {
  const slack = await standIn(t, { ackMs: 50 });
  const { ts } = await clientOf(slack).chat.postMessage({ channel: CHANNEL, text: 'card', blocks: CARD });
  const click = () => slack.click({ user: 'U0MIRA', channel: CHANNEL, ts: ts!, actionId: 'approve' });
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  t.after(() => silent.close());
  slack.interactivityUrl = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
  assert.equal((await click()).status, 0);
  await boltOver(t, slack, 'socket');
  assert.equal((await click()).status, 0);
});
