import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { type Collector, collector } from '../../support/audit/collector.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Reconfigure, reconfigure } from '../../support/gateway/reconfigure.ts';

const POLICY = 'version: "1"\ndefault: deny\ntools: { create_key: { action: require_approval } }\n';
const OTHER = 'C0KEYS';
const SHARED = 'C0SHARED';
const FOREIGN = 'C0NOTOURS';
const PATIENCE = 60_000;

describe('where cards go, while the gateway runs', () => {
  let upstream: Collector;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  let become: Reconfigure;

  before(async () => {
    upstream = await collector();
    upstream.answer = ({ body }) => {
      const { id, method } = JSON.parse(body) as { id?: number; method: string };
      if (id === undefined) return { status: 202 };
      const opened = { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: { name: 'x', version: '1' } };
      const result = method === 'initialize' ? opened : { content: [{ type: 'text', text: 'done' }] };
      const headers: Record<string, string> = method === 'initialize' ? { 'mcp-session-id': 'one' } : {};
      return { status: 200, headers, body: JSON.stringify({ jsonrpc: '2.0', id, result }) };
    };
    house = await openHouse({ servers: { tools: { at: `url: "${upstream.url}/mcp"`, policy: POLICY } } });
    house.slack.addChannel({ id: OTHER, name: 'keys' });
    house.slack.addChannel({ id: SHARED, name: 'shared', is_ext_shared: true });
    house.slack.addChannel({ id: FOREIGN, name: 'foreign', members: ['U0MIRA'] });
    gateway = await house.start();
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    const taken = reconfigure(house, gateway, 'tools', POLICY);
    become = (slack, refusal) => taken(`${slack}, team: T0MAIN`, refusal);
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  /** Makes a call and approves it on its card, which must be in this channel. */
  async function approvedIn(channel: string, name: string): Promise<void> {
    const call = agent.call('create_key', { name });
    const card = await house.slack.waitFor(
      () => house.slack.messages(channel).find((message) => JSON.stringify(message.blocks).includes(name)) ?? null,
      PATIENCE,
    );
    await house.slack.click({ user: 'U0MIRA', channel, ts: card.ts, actionId: 'approve' });
    assert.equal(textOf(await call.answer), 'done');
  }

  test('a channel of a tool’s own is taken without a restart, and its clicks count', async () => {
    await approvedIn(CHANNEL, 'before');
    await become(`channel: ${CHANNEL}, channels: { tools: { tools.create_key: ${OTHER} } }`);
    await approvedIn(OTHER, 'after');
  });

  test('a card that is there already stays where it is, and is decided there', async () => {
    const call = agent.call('create_key', { name: 'stays' });
    const { id } = await gateway.pending('create_key', { name: 'stays' });
    const card = await house.slack.waitFor(
      () => house.slack.messages(OTHER).find((message) => JSON.stringify(message.metadata).includes(id)) ?? null,
      PATIENCE,
    );
    await become(`channel: ${CHANNEL}`);
    await house.slack.click({ user: 'U0MIRA', channel: OTHER, ts: card.ts, actionId: 'approve' });
    assert.equal(textOf(await call.answer), 'done');
    await approvedIn(CHANNEL, 'back-again');
  });

  test('P8: a channel that outsiders read, or that the app is not in, never takes a good one’s place', async () => {
    const shared = /channel C0SHARED is shared with another organisation/;
    await become(`channel: ${CHANNEL}, channels: { servers: { tools: ${SHARED} } }`, shared);
    await approvedIn(CHANNEL, 'not-shared');
    await become(`channel: ${FOREIGN}`, /C0NOTOURS/);
    await approvedIn(CHANNEL, 'not-foreign');
    assert.deepEqual([house.slack.messages(SHARED), house.slack.messages(FOREIGN)], [[], []]);
    assert.match(gateway.log, /C0SHARED is shared/);
  });

  test('the channel for everything else is taken too', async () => {
    await become(`channel: ${OTHER}`);
    await approvedIn(OTHER, 'moved');
  });
});
