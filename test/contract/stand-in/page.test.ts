import assert from 'node:assert/strict';
import { get } from 'node:http';
import { test } from 'node:test';
import { boltOver, CARD, CHANNEL, clientOf, standIn } from '../../support/slack/stand-in.ts';

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

test('where several blocks have such a button, the one that was pressed is meant; Home is a place of its own', async (t) => {
  const slack = await standIn(t);
  const app = await boltOver(t, slack, 'http');
  const pressed: string[] = [];
  app.action('look', async ({ ack, action }) => {
    pressed.push((action as { value?: string }).value ?? '');
    await ack();
  });
  const button = (value: string) => ({
    type: 'button',
    action_id: 'look',
    value,
    text: { type: 'plain_text', text: value },
  });
  const blocks = ['one', 'two'].map((value) => ({
    type: 'actions',
    block_id: `b-${value}`,
    elements: [button(value)],
  }));
  app.event('app_home_opened', async ({ event, client }) => {
    await client.views.publish({ user_id: event.user, view: { type: 'home', blocks } });
  });
  const { ts } = await clientOf(slack).chat.postMessage({ channel: CHANNEL, text: 'card', blocks });
  const gesture = async (what: string, body: object): Promise<unknown> => {
    const headers = { 'content-type': 'application/json', origin: slack.url };
    const request = { method: 'POST', headers, body: JSON.stringify({ user: 'U0ALEX', actionId: 'look', ...body }) };
    return (await fetch(`${slack.url}/page/${what}`, request)).json();
  };
  assert.deepEqual(await gesture('click', { channel: CHANNEL, ts, blockId: 'b-two' }), { trouble: null });
  assert.deepEqual(pressed, ['two']);

  const home = async (as: string) => (await fetch(`${slack.url}/?as=${as}&channel=home`)).text();
  assert.match(await home('U0ALEX'), /has shown nothing here yet/);
  assert.deepEqual(await gesture('home', {}), { trouble: null });
  await slack.waitFor(() => slack.home('U0ALEX').view.type === 'home', 10_000);
  assert.match(await home('U0ALEX'), /data-home="U0ALEX">.*data-block="b-two"/s);
  assert.match(await home('U0MIRA'), /has shown nothing here yet/);
  assert.deepEqual(await gesture('home-click', { blockId: 'b-two' }), { trouble: null });
  assert.deepEqual(pressed, ['two', 'two']);
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
