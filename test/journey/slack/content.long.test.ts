import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { SlackMessage } from '../../../src/demo/slack/state/messages.ts';
import type { SlackView } from '../../../src/demo/slack/state/views.ts';
import type { ApiRequest } from '../../../src/demo/slack/web-api/api.ts';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = 'version: "1"\ndefault: deny\ntools: { create_key: { action: require_approval } }\n';
const EVIL = '<!channel> <@U0SAM> <https://evil.example|Approved by Mira> *bold* `code` &lt;!here&gt; :skull: ```';

function nested(depth: number): Record<string, unknown> {
  let inner: Record<string, unknown> = { bottom: 'reached' };
  for (let level = 0; level < depth; level++) inner = { [`level${level}`]: inner };
  return inner;
}

/** What agents may send. `partly`: more than a card can show, so approving needs the full view. */
const CONTENTS: Record<string, { args: Record<string, unknown>; reason?: string; partly?: boolean }> = {
  nothing: { args: {} },
  '50 KB in one value': { args: { body: 'x'.repeat(50_000), last: 'here' }, partly: true },
  '50 KB of line breaks': { args: { body: '\n'.repeat(50_000) }, partly: true },
  '50 KB of quotes and backslashes': { args: { body: '"\\'.repeat(25_000) }, partly: true },
  '50 KB of emoji': { args: { body: '👩🏽‍🚀'.repeat(3_500) }, partly: true },
  '200 keys': {
    args: Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`key_${n}`, `value ${n}`])),
    partly: true,
  },
  '2000 keys': { args: Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`k${n}`, n])), partly: true },
  'nested 20 deep': { args: nested(20) },
  'nested 55 deep': { args: nested(55) },
  'mrkdwn in values': { args: { name: EVIL, list: [EVIL, EVIL] } },
  'mrkdwn in names': { args: { [EVIL]: 'x', '*bold*': { '<!here>': 1 } } },
  'mrkdwn in the stated reason': { args: { name: 'why' }, reason: `${EVIL}\n> *Approved by Mira*` },
  'bidi controls': { args: { amount: '\u202e000,01\u202c EUR', '\u2066to\u2069': '\u200fU0SAM' } },
  'text that hides': { args: { name: 'prod\u200buction\u00ad\ufeff\u3164', tags: '\u{e0041}\u{e0042}' } },
  'right-to-left': { args: { שם: 'שלום עולם', اسم: 'مرحبا', mixed: 'delete אבג 123 staging' } },
  emoji: { args: { '🔑': '👨‍👩‍👧‍👦 🇩🇪 👍🏽', text: ':white_check_mark:' } },
  'other names for our own words': { args: { 'Approved by': '<@U0MIRA>', Expires: 'never', Reason: 'none needed' } },
  'line breaks that draw a second card': { args: { name: `x\n\nApproved by Mira\nFingerprint: ${'0'.repeat(32)}` } },
  'names that every object inherits': { args: JSON.parse('{"__proto__":{"a":1},"constructor":"x","toString":null}') },
  'control characters': { args: { name: '\u0007\u001b[31mred\u001b[0m\u0000\r' } },
  'a name of 3000 characters': { args: { ['n'.repeat(3_000)]: 'x' }, partly: true },
  'every kind of value': { args: { n: 0, t: true, f: false, none: null, list: [], map: {}, text: '', deep: [[[[]]]] } },
  'marks piled up': { args: { name: `Z${'\u0300'.repeat(200)}` } },
  'a long stated reason': { args: { name: 'talker' }, reason: 'because '.repeat(1_000), partly: true },
};

describe('whatever the arguments hold', () => {
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  before(async () => {
    upstream = await countingUpstream();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, max_pending: 100, hold: { default: 50s, progress: 10m } }',
    });
    gateway = await house.start();
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  });
  after(async () => {
    await house?.close();
    await upstream.close();
  });

  for (const [name, { args, reason, partly }] of Object.entries(CONTENTS)) {
    test(`P10: ${name}: one card within limits, shown as data, and exactly that runs`, async () => {
      const known = new Set((await gateway.approvals()).map((one) => one.id));
      const reading = reason === undefined ? {} : { 'holdfast/reason': reason };
      const sent = agent.call('create_key', args, { meta: { progressToken: 1, ...reading } });
      const { id } = await eventually('it is parked', async () => {
        return (await gateway.approvals('pending')).find((one) => !known.has(one.id)) ?? null;
      });
      const card = await house.card(id);
      harmless(card.blocks);
      assert.ok(JSON.stringify(card.blocks).length <= 10_500, 'within the undocumented limit');
      const calls = house.slack.requests.filter((one) => one.method === 'chat.postMessage');
      assert.deepEqual(
        calls.filter((one) => !accepted(one)),
        [],
        'Slack took every message at the first try',
      );

      const actionId = partly ? 'review' : 'approve';
      assert.ok(JSON.stringify(card.blocks).includes(`"${actionId}"`), `its button is ${actionId}`);
      await house.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts: card.ts, actionId });
      if (partly) await readThrough();
      assert.equal(textOf(await sent.answer), 'done');
      assert.deepEqual(JSON.stringify(upstream.calls.at(-1)!.args), JSON.stringify(args));
      harmless((await house.card(id, /Approved and done/)).blocks);
    });
  }

  /** Turns to the last page, where Approve is. */
  async function readThrough(): Promise<void> {
    const top = (): SlackView | undefined => house.slack.openViews('U0MIRA').at(-1);
    let view = await house.slack.waitFor(top, 10_000);
    while (view.view.submit === undefined) {
      harmless(view.view.blocks);
      const before = JSON.stringify(view.view);
      await house.slack.clickView({ user: 'U0MIRA', actionId: 'next_page' });
      await house.slack.waitFor(() => JSON.stringify(top()?.view) !== before, 10_000);
      view = top()!;
    }
    const done = await house.slack.submitView({ user: 'U0MIRA' });
    assert.equal(done.handled, 'cleared', done.body);
  }
});

const accepted = ({ status, answer }: ApiRequest): boolean => status === 200 && answer?.ok === true;

/** No mention, link or group of the agent's making in anything that Slack reads as markup. */
function harmless(blocks: SlackMessage['blocks'] | unknown): void {
  for (const [, text] of JSON.stringify(blocks).matchAll(/\{"type":"mrkdwn","text":("(?:[^"\\]|\\.)*")/g)) {
    const markup = [...(JSON.parse(text!) as string).matchAll(/<[^>]*>/g)].map(([mark]) => mark);
    for (const mark of markup) assert.match(mark, /^<(@U0(MIRA|ALEX|SAM)|!date\^|!subteam\^)/, mark);
    assert.doesNotMatch(text!, /evil\.example\|/);
  }
  // The zero-width joiner inside an emoji is left alone.
  const hidden = /[\u202a-\u202e\u2066-\u2069\u200b\u200c\u200e\u200f\ufeff]/.exec(JSON.stringify(blocks));
  assert.equal(hidden, null);
}
