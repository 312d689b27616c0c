import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type bolt from '@slack/bolt';
import type { View } from '@slack/web-api';
import { boltOver, CARD, CHANNEL, clientOf, errorOf, MODAL, standIn } from '../../support/slack/stand-in.ts';

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
