import assert from 'node:assert/strict';
import type { ToolAnswer } from '../agent/agent.ts';
import { textOf } from '../agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../gateway/program.ts';
import { startBacking } from '../store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../upstream/counting.ts';
import { clickStorm, parkStorm, type StormCall, type StormClick } from './click-storm.ts';

const POLICY = `version: "1"
default: require_approval
`;

/** One gateway on Redis and Postgres, with the Slack stand-in. */
export interface StormWorld {
  readonly house: House;
  readonly gateway: GatewayProcess;
  readonly databaseUrl: string;
  readonly upstream: CountingUpstream;
  close(): Promise<void>;
}

export async function stormWorld(env: Readonly<Record<string, string>> = {}): Promise<StormWorld> {
  const [backing, upstream] = await Promise.all([startBacking('redis and postgres'), countingUpstream()]);
  const databaseUrl = await backing.database();
  const house = await openHouse({
    servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
    approval: '{ timeout: 10m, max_pending: 5000, hold: { default: 8m, progress: 8m } }',
    databaseUrl,
    redisUrl: backing.redis!.url,
    env,
  });
  return {
    house,
    gateway: await house.start(),
    databaseUrl,
    upstream,
    close: async () => {
      await house.close();
      await upstream.close();
      await backing.stop();
    },
  };
}

/** What a storm of clicks left behind. */
export interface Aftermath {
  readonly clicks: readonly StormClick[];
  /** Clicks for which Slack showed its warning: no answer within 3 s, or none that it takes. */
  readonly warned: readonly StormClick[];
}

/**
 * `count` clicks within `withinMs`: on every fifth card two people click at once. Then everybody who saw Slack's warning
 * looks again, and it is checked that nothing was lost and nothing decided or sent twice. `during`: what happens meanwhile.
 */
export async function weatherStorm(
  world: StormWorld,
  count: number,
  withinMs: number,
  during?: () => Promise<void>,
): Promise<Aftermath> {
  const { house, gateway, upstream } = world;
  const pairs = Math.floor(count / 5);
  const calls = await parkStorm(house, gateway, { tool: 'create_key', count: count - pairs });
  const planned = calls.flatMap((call) => [
    { call, by: 'U0MIRA' },
    ...(call.n < pairs ? [{ call, by: 'U0ALEX' }] : []),
  ]);
  assert.equal(planned.length, count);
  const clicks = await clickStorm(house, planned, { withinMs, ...(during ? { during } : {}) });
  const warned = clicks.filter(({ reaction }) => reaction.status !== 200);
  house.slack.rates = false;
  for (const click of warned) await lookAgain(world, click);
  const answers = await Promise.all(calls.map(({ answer }) => answer));
  for (const answer of answers) assert.equal(textOf(answer as ToolAnswer), 'done');
  for (const { n } of calls) assert.equal(upstream.count('create_key', { n }), 1, `call ${n} reached the server once`);
  assert.equal(upstream.calls.length, calls.length);
  await assertDecidedOnce(gateway, calls);
  for (const call of calls) await cardTells(house, call);
  return { clicks, warned };
}

/** Milliseconds within which whoever looks again and again must have been answered, however slow the machine is. */
const LOOKING_MS = 90_000;

/**
 * Whoever saw the warning looks again: the card tells it, or a second click counts or is told what is true. What the
 * storm has caused is still going on, so a slow machine may show the warning once more; then they look once more.
 */
async function lookAgain({ house, gateway }: StormWorld, { call, by }: StormClick): Promise<void> {
  const { slack } = house;
  for (const from = performance.now(); ; ) {
    const wasDecided = (await gateway.approval(call.id)).decisions.length > 0;
    const before = slack.ephemerals(by, CHANNEL).length;
    const card = slack.messages(CHANNEL).find(({ ts }) => ts === call.ts);
    if (!JSON.stringify(card?.blocks).includes('"action_id":"approve"')) {
      assert.ok(wasDecided, `the card of ${call.id} has no button, so it is decided`);
      return;
    }
    const again = await slack.click({ user: by, channel: CHANNEL, ts: call.ts, actionId: 'approve' });
    if (again.status !== 200) {
      assert.ok(performance.now() - from < LOOKING_MS, `a click on ${call.id} is never acknowledged`);
      continue;
    }
    const { decisions } = await gateway.approval(call.id);
    assert.equal(decisions.length, 1, `${call.id} is decided`);
    if (!wasDecided) return assert.equal(decisions[0]?.approver, by);
    const told = await slack.waitFor(() => slack.ephemerals(by, CHANNEL).slice(before).at(-1) ?? null, 20_000);
    assert.match(told.text, /Too late, your click changed nothing\./);
    return;
  }
}

/** By the log: one decision, one sending and one end of each call. */
export async function assertDecidedOnce(gateway: GatewayProcess, calls: readonly StormCall[]): Promise<void> {
  const counts = new Map<string, number>();
  for (const { approval, type } of await gateway.events()) {
    const key = `${approval} ${type}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  for (const { id } of calls) {
    for (const type of ['approval.requested', 'approval.decided', 'call.dispatched', 'call.succeeded']) {
      assert.equal(counts.get(`${id} ${type}`), 1, `${type} of ${id}`);
    }
  }
}

/** The card says how it ended. */
async function cardTells({ slack }: House, { id, ts }: StormCall): Promise<void> {
  await slack
    .waitFor(() => {
      const card = slack.messages(CHANNEL).find((message) => message.ts === ts);
      return /ucceeded|went through/.test(JSON.stringify([card?.text, card?.blocks])) ? card! : null;
    }, 120_000)
    .catch(() => assert.fail(`the card of ${id} does not tell its end`));
}
