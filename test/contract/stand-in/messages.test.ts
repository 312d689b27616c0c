import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode, WebClient } from '@slack/web-api';
import { CARD, CHANNEL, clientOf, errorOf, standIn } from '../../support/slack/stand-in.ts';

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
