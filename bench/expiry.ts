/**
 * How long it takes until each agent and each card knows that many questions have expired in the same moment: they are held by
 * one gateway, which stands still (SIGSTOP) while their time runs out, and measured is from where it goes on. Slack sets no limits. Cards follow
 * one by one, so theirs is the time of the queue's work; `told` is how long the agents wait.
 * `node bench/expiry.ts [CALLS] [ROUNDS] [SECONDS until they expire] [folder for CPU profiles]`
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type SlackStandIn, startSlackStandIn } from '../src/demo/slack/stand-in.ts';
import { type Held, hold } from './held.ts';
import { median } from './load.ts';
import { cpuSeconds, endInOrder, profiled, Rig } from './rig.ts';
import { type BenchStorage, realServers } from './storage.ts';

const AT_ONCE = 10;
const CHANNEL = 'C0APPROVALS';
/** Seconds within which all of it must have happened. */
const PATIENCE = 300;

/** Seconds from where the gateway goes on. */
interface ExpiryRound {
  readonly agents: number;
  readonly cards: number;
  /** Seconds of the gateway's CPU until then. */
  readonly cpu: number;
}

async function holdAll(url: string, headers: Record<string, string>, from: number, calls: number): Promise<Held[]> {
  const held: Held[] = [];
  const one = async (): Promise<void> => {
    while (held.length < calls) {
      const each = hold(url, headers, 'gated', { n: from + held.length });
      held.push(each);
      await each.opened;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return held;
}

/** Waits until as many messages as that say it. */
async function cards(slack: SlackStandIn, says: RegExp, count: number): Promise<void> {
  const told = new Set<string>();
  const end = performance.now() + PATIENCE * 1_000;
  while (told.size < count) {
    for (const { ts, text, blocks, metadata } of slack.messages(CHANNEL)) {
      if (metadata !== null && !told.has(ts) && says.test(JSON.stringify([text, blocks]))) told.add(ts);
    }
    if (performance.now() > end) throw new Error(`${told.size} of ${count} cards say ${says} after ${PATIENCE} s`);
    // The stand-in lives in this process: looking through thousands of messages keeps it from answering.
    if (told.size < count) await sleep(500);
  }
}

async function expiryRounds(
  storage: BenchStorage,
  calls: number,
  rounds: number,
  seconds: number,
  profiles: string | undefined,
): Promise<readonly ExpiryRound[]> {
  const rig = new Rig();
  const slack = await startSlackStandIn({ rates: false });
  try {
    const upstream = await rig.script('upstream.ts');
    const env = {
      ...(await storage.env('expiry')),
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_SIGNING_SECRET: slack.signingSecret,
      SLACK_API_URL: slack.apiUrl,
    };
    const server = `  up: { url: "${upstream.url}/mcp", policy: policy.yaml }\n`;
    const tools = `default: deny\ntools:\n  gated: { action: require_approval, approval: { timeout: ${seconds}s } }\n`;
    const nodeArgs = profiled(profiles);
    const gateway = await rig.gatewayOf(server, ['up'], [tools], ['bench'], env, nodeArgs, ', digest: off');
    const headers = { authorization: `Bearer ${gateway.tokens.bench}` };
    const made: ExpiryRound[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const began = performance.now();
      const held = await holdAll(`${gateway.url}/mcp/up`, headers, round * calls, calls);
      const allHeld = performance.now();
      // Those of the rounds before say that they expired.
      await cards(slack, /"approve"/, calls);
      const late = began + seconds * 1_000 - performance.now();
      if (late < 500) throw new Error(`opening and showing ${calls} took too long: give them more than ${seconds} s`);
      process.kill(gateway.pid, 'SIGSTOP');
      await sleep(allHeld + seconds * 1_000 + 500 - performance.now());
      const cpu = cpuSeconds(gateway.pid);
      const start = performance.now();
      process.kill(gateway.pid, 'SIGCONT');
      const since = () => (performance.now() - start) / 1_000;
      const shown = cards(slack, /xpired/, calls * (round + 1)).then(since);
      const texts = await Promise.all(held.map(({ answered }) => answered));
      const agents = since();
      const other = texts.find((text) => !/nobody decided/i.test(text));
      if (other !== undefined) throw new Error(`one of them heard something else: ${other}`);
      made.push({ agents, cards: await shown, cpu: cpuSeconds(gateway.pid) - cpu });
      for (const one of held) one.drop();
    }
    if (profiles !== undefined) await endInOrder(gateway.pid);
    return made;
  } finally {
    await rig.close();
    await slack.close();
  }
}

/** Needs Redis and Postgres. */
export async function showExpiry(
  storage: BenchStorage,
  {
    calls,
    rounds,
    seconds,
    profiles,
  }: { readonly calls: number; readonly rounds: number; readonly seconds: number; readonly profiles?: string },
  say: (what: string, figure: string, goal?: string) => void,
): Promise<void> {
  const made = await expiryRounds(storage, calls, rounds, seconds, profiles);
  const of = (pick: (round: ExpiryRound) => number): number => median(made.map(pick));
  const all = (pick: (round: ExpiryRound) => number): string => made.map((one) => pick(one).toFixed(1)).join(', ');
  say(
    `${calls} expire at once: until each agent knows`,
    `${of(({ agents }) => agents).toFixed(1)} s`,
    `(${all(({ agents }) => agents)})`,
  );
  say('until each card knows', `${of((one) => one.cards).toFixed(1)} s`, `(${all((one) => one.cards)})`);
  say('CPU of the gateway for one of them', `${((of(({ cpu }) => cpu) / calls) * 1_000).toFixed(2)} ms`);
}

if (process.argv[1] === import.meta.filename) {
  const [calls = '3000', rounds = '3', seconds = '90', profiles] = process.argv.slice(2);
  const storage = await realServers();
  const terms = { calls: Number(calls), rounds: Number(rounds), seconds: Number(seconds) };
  try {
    const say = (what: string, figure: string, goal = '') => console.log(`${what}   ${figure}   ${goal}`);
    await showExpiry(storage, { ...terms, ...(profiles === undefined ? {} : { profiles }) }, say);
  } finally {
    await storage.close();
  }
}
