import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { SlackMessage } from '../../../src/demo/slack/state/messages.ts';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: require_approval
tools: { charge: { action: require_approval, approval: { quorum: 2 } } }
`;
/** A card is first looked at after 30 s, by the next sweep. */
const LOOKED_AT = 60_000;

let upstream: CountingUpstream;
const houses: House[] = [];

before(async () => {
  upstream = await countingUpstream();
});
after(async () => {
  for (const house of houses) await house.close();
  await upstream.close();
});

async function opened(slackMore = ''): Promise<{ house: House; gateway: GatewayProcess; agent: Agent }> {
  const house = await openHouse({
    servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
    approval: '{ timeout: 10m, hold: { default: 1s, progress: 60s } }',
    slackMore,
  });
  houses.push(house);
  house.slack.addChannel({ id: 'C0FALLBACK', name: 'fallback' });
  const gateway = await house.start();
  return { house, gateway, agent: await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!) };
}

const patient = { meta: { progressToken: 'p' } };

async function cardIn({ slack }: House, channel: string, id: string, except = '', ms = 20_000): Promise<SlackMessage> {
  return slack.waitFor(() => {
    const isIts = (message: SlackMessage) => JSON.stringify(message.metadata).includes(id) && message.ts !== except;
    return slack.messages(channel).find(isIts) ?? null;
  }, ms);
}

async function approveOn(house: House, channel: string, { ts }: SlackMessage, user = 'U0MIRA'): Promise<void> {
  const reaction = await house.slack.click({ user, channel, ts, actionId: 'approve' });
  assert.equal(reaction.status, 200);
}

describe('while a call waits for a decision there is a card', { concurrency: true }, () => {
  test('P4: a channel that takes nothing: the agent is told, and the card comes once that is mended', async () => {
    const { house, gateway, agent } = await opened();
    house.slack.channel(CHANNEL).is_archived = true;
    const sent = agent.call('create_key', { name: 'archived' }, patient);
    const { id } = await gateway.pending('create_key', { name: 'archived' });
    const failed = async () => (await gateway.events(id)).filter(({ type }) => type === 'card.failed');
    await eventually('it is logged', async () => (await failed())[0] ?? null, 20_000);
    const other = await agent.call('create_key', { name: 'archived' }).answer;
    assert.match(textOf(other), /takes no messages, so nobody can see it there until the operator has mended that/);
    house.slack.channel(CHANNEL).is_archived = false;
    await approveOn(house, CHANNEL, await cardIn(house, CHANNEL, id, '', LOOKED_AT));
    assert.equal(textOf(await sent.answer), 'done');
    assert.equal((await failed()).length, 1, 'once, however often it was tried');
  });

  test('P4: with a fallback the card is there, and is decided there', async () => {
    const { house, gateway, agent } = await opened(', fallback: C0FALLBACK');
    house.slack.channel(CHANNEL).members = [];
    const sent = agent.call('create_key', { name: 'not invited' }, patient);
    const { id } = await gateway.pending('create_key', { name: 'not invited' });
    await approveOn(house, 'C0FALLBACK', await cardIn(house, 'C0FALLBACK', id));
    assert.equal(textOf(await sent.answer), 'done');
    const said = (one: SlackMessage) => JSON.stringify([one.text, one.blocks]);
    await eventually('it tells the end', async () =>
      /ucceeded|went through/.test(said(await cardIn(house, 'C0FALLBACK', id))) ? true : null,
    );
  });

  test('P4: a card that was deleted is posted anew at the next change, and its earlier vote counts', async () => {
    const { house, gateway, agent } = await opened();
    const sent = agent.call('charge', { amount: 1 }, patient);
    const { id } = await gateway.pending('charge', { amount: 1 });
    const first = await cardIn(house, CHANNEL, id);
    await approveOn(house, CHANNEL, first, 'U0ALEX');
    await eventually('the card says so', async () =>
      /1 of 2/.test(JSON.stringify((await cardIn(house, CHANNEL, id)).blocks)) ? true : null,
    );
    house.slack.deleteMessage(CHANNEL, first.ts);
    agent.call('charge', { amount: 1 }, patient);
    const second = await cardIn(house, CHANNEL, id, first.ts);
    await approveOn(house, CHANNEL, second);
    assert.equal(textOf(await sent.answer), 'done');
    assert.equal(house.slack.messages(CHANNEL).filter((m) => JSON.stringify(m.metadata).includes(id)).length, 1);
  });

  test('P4: a card that was deleted while nothing happens is posted anew by itself', async () => {
    const { house, gateway, agent } = await opened();
    const sent = agent.call('create_key', { name: 'deleted' }, patient);
    const { id } = await gateway.pending('create_key', { name: 'deleted' });
    const first = await cardIn(house, CHANNEL, id);
    house.slack.deleteMessage(CHANNEL, first.ts);
    const second = await cardIn(house, CHANNEL, id, first.ts, LOOKED_AT);
    const posted = (await gateway.events(id)).filter(({ type }) => type === 'card.posted');
    assert.equal(posted.length, 2);
    await approveOn(house, CHANNEL, second);
    assert.equal(textOf(await sent.answer), 'done');
  });

  test('P4: a channel that was archived with a card in it: the question goes to the fallback', async () => {
    const { house, gateway, agent } = await opened(', fallback: C0FALLBACK');
    const sent = agent.call('charge', { amount: 2 }, patient);
    const { id } = await gateway.pending('charge', { amount: 2 });
    const first = await cardIn(house, CHANNEL, id);
    await approveOn(house, CHANNEL, first, 'U0ALEX');
    await eventually('the vote is there', async () =>
      (await gateway.approval(id)).decisions.length === 1 ? true : null,
    );
    house.slack.channel(CHANNEL).is_archived = true;
    // Whatever changes the card: another caller.
    agent.call('charge', { amount: 2 }, patient);
    const second = await cardIn(house, 'C0FALLBACK', id);
    await approveOn(house, 'C0FALLBACK', second);
    assert.equal(textOf(await sent.answer), 'done');
  });

  test('a call that is over gets no new card for one that was deleted', async () => {
    const { house, gateway, agent } = await opened();
    const sent = agent.call('create_key', { name: 'over' }, patient);
    const { id } = await gateway.pending('create_key', { name: 'over' });
    const first = await cardIn(house, CHANNEL, id);
    house.slack.deleteMessage(CHANNEL, first.ts);
    await agent.cancel(sent.id, 'changed my mind');
    await gateway.reaches(id, 'withdrawn');
    const types = async () => (await gateway.events(id)).map(({ type }) => type);
    await eventually('its update failed', async () => ((await types()).includes('card.failed') ? true : null), 20_000);
    assert.deepEqual(
      house.slack.messages(CHANNEL).filter((m) => JSON.stringify(m.metadata).includes(id)),
      [],
    );
  });
});
