import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { View } from '@slack/web-api';
import { CARD, CHANNEL, clientOf, errorOf, MODAL, standIn } from '../../support/slack/stand-in.ts';

const plain = (length: number) => ({ type: 'plain_text', text: 'x'.repeat(length) });
const section = (length: number) => ({ type: 'section', text: plain(length) });
const button = (more: object) => ({ type: 'actions', elements: [{ type: 'button', text: plain(1), ...more }] });
const many = <T>(count: number, of: T): T[] => new Array<T>(count).fill(of);
const confirm = (title: number, text: number) => button({ confirm: { title: plain(title), text: plain(text) } });
const preformatted = (text: string) => ({
  type: 'rich_text',
  elements: [{ type: 'rich_text_preformatted', elements: [{ type: 'text', text }] }],
});

/** The most that Slack accepts, and the least that it does not. */
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
