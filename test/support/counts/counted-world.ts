import { Queue } from 'bullmq';
import type { SlackMessage } from '../../../src/demo/slack/state/messages.ts';
import { Agent } from '../agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../gateway/program.ts';
import { startBacking } from '../store/backing.ts';
import { countingUpstream } from '../upstream/counting.ts';
import { type CountedWrite, writeCounter } from './counter.ts';

const POLICY = `version: "1"
default: require_approval
tools:
  plain: {}
  read: { limits: [{ counter: reads, window: month, max: 1000000, scope: grant }] }
  narrow: { limits: [{ counter: few, window: month, max: 99, scope: grant }] }
  burst: { action: require_approval, approval: { timeout: 15s } }
`;
/** Milliseconds for which a step is watched after it is done. */
const QUIET_MS = 250;

/** Where a write went. `waits`: the queue asks Redis to tell it of the next job or event, which it does after each. */
export type WriteKind = 'postgres' | 'redis' | 'waits' | 'slack' | 'upstream' | 'answers';

/** How many writes of each kind one step took. */
export type WriteCounts = Readonly<Record<WriteKind, number>>;

/** A gateway on Redis and Postgres whose socket writes are counted, and one agent. */
export interface CountedWorld {
  readonly house: House;
  readonly gateway: GatewayProcess;
  readonly agent: Agent;
  /** Cards wait in the queue until this is called with false. */
  holdCards(hold: boolean): Promise<void>;
  /** What the gateway writes during `step`, and for a while after it. */
  record(step: () => Promise<unknown>): Promise<readonly CountedWrite[]>;
  /** How many of these writes a call causes, and not what goes on beside it. */
  countsOf(writes: readonly CountedWrite[]): WriteCounts;
  /** Makes a gated call; resolves with its answer's head. */
  ask(n: number): Promise<Response>;
  /** The call's card, once it says so. */
  card(n: number, says: RegExp): Promise<SlackMessage>;
  close(): Promise<void>;
}

export async function countedWorld(): Promise<CountedWorld> {
  const [backing, upstream] = await Promise.all([startBacking('redis and postgres'), countingUpstream()]);
  const counter = writeCounter();
  const house = await openHouse({
    servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
    approval: '{ timeout: 30m, max_pending: 200 }',
    databaseUrl: await backing.database(),
    redisUrl: backing.redis!.url,
    env: counter.env,
  });
  const gateway = await house.start();
  const agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  const { hostname, port } = new URL(backing.redis!.url);
  const outbox = new Queue('outbox', { connection: { host: hostname, port: Number(port) }, prefix: 'holdfast' });
  const kinds = new Map<number, WriteKind>([
    [backing.postgres.port, 'postgres'],
    [backing.redis!.port, 'redis'],
    [house.slack.port, 'slack'],
    [Number(new URL(upstream.url).port), 'upstream'],
    [Number(new URL(gateway.url).port), 'answers'],
  ]);
  const kindOf = (write: CountedWrite): WriteKind => {
    const kind = kinds.get(write.to);
    if (kind === undefined) throw new Error(`a write to port ${write.to}, where nothing is: ${write.begins}`);
    return kind === 'redis' && isWaiting(write) ? 'waits' : kind;
  };
  return {
    house,
    gateway,
    agent,
    holdCards: (hold) => (hold ? outbox.pause() : outbox.resume()),
    record: async (step) => {
      await counter.take();
      await step();
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
      return counter.take();
    },
    countsOf: (writes) => {
      const counts = { postgres: 0, redis: 0, waits: 0, slack: 0, upstream: 0, answers: 0 };
      for (const write of ownOf(writes, kindOf)) counts[kindOf(write)] += 1;
      return counts;
    },
    ask: (n) => {
      const params = { name: 'create_key', arguments: { n }, _meta: { progressToken: n } };
      return agent.post({ jsonrpc: '2.0', id: n, method: 'tools/call', params });
    },
    card: (n, says) =>
      house.slack.waitFor(() => {
        const isIts = ({ blocks }: SlackMessage) => JSON.stringify(blocks).includes(`"n: ${n}"`);
        const found = house.slack.messages(CHANNEL).find(isIts);
        return found !== undefined && says.test(JSON.stringify(found.blocks)) ? found : null;
      }, 20_000),
    close: async () => {
      await outbox.close();
      await house.close();
      await upstream.close();
      await backing.stop();
    },
  };
}

/** How statements begin that run whether or not there is a call: signs of life, looks at freezes and tasks, the sealer. */
const ROUTINE = [
  'insert into holdfast.replicas',
  'insert into holdfast.notices',
  'select r.*, (select row_to_json(s) from holdfast.sealed_sets',
  'select pg_try_advisory_xact_lock',
  'select e.n, e.seq, e.hash',
  'select e.n, e.seal',
  'select e.n::text as n, e.seal',
  'select count(*)::int as count, string_agg',
  'select seq, hash from holdfast.events',
  'update holdfast.events',
  'select t.id, t.approval_id',
  'update holdfast.pursuits',
  'delete from holdfast.',
  'select 1 from holdfast.issued_states',
  'select 1 from holdfast.asked_requests where answered_at is null and asked_at',
  'select w.n::text',
  'select part, alive, recalled',
  'select number, log, at, head, last_event',
].map((text) => new RegExp(`^.{0,160}?${text.replace(/[.*()]/g, '\\$&')}`, 's'));
/** The same looks at sets, once their statements are prepared: they name the set. */
const SETS = /^B.{1,80}?(?:freezes|revocations)\0/s;
/** The comparison with the witness, every 10 s. */
const COMPARED =
  /\r\n(?:time|(?:get|set)\r\n\$\d+\r\nholdfast:witness:\S+:state|(?:zrevrangebyscore|hmget)\r\n\$\d+\r\nholdfast:witness:)/i;
/** Every 2 s, for all calls that are held: which of them have changed. */
const RE_READ = /join unnest\(\$1::text\[\], \$2::int\[\]\) as h\(id, revision\)/;

/** Those that a call causes. A `begin` and a `commit` go with the statements between them. */
function ownOf(writes: readonly CountedWrite[], kindOf: (write: CountedWrite) => WriteKind): CountedWrite[] {
  const isRoutine = ({ begins }: CountedWrite) => [...ROUTINE, SETS, RE_READ].some((start) => start.test(begins));
  const ends = ({ begins }: CountedWrite) => /^Q.{4}(commit|rollback)\0$/s.test(begins);
  const starts = ({ begins }: CountedWrite) => /^Q.{4}begin/s.test(begins);
  return writes.filter((write, at) => {
    if (kindOf(write) === 'redis') return !COMPARED.test(write.begins);
    if (kindOf(write) !== 'postgres') return true;
    const same = ({ over }: CountedWrite) => over === write.over;
    const about = ends(write)
      ? writes.slice(0, at).findLast((one) => same(one) && !ends(one))
      : starts(write)
        ? writes.slice(at + 1).find((one) => same(one) && !starts(one))
        : write;
    return about === undefined || !isRoutine(about);
  });
}

function isWaiting({ begins }: CountedWrite): boolean {
  return /^\*\d+\r\n\$\d+\r\n(bzpopmin|xread)\r\n/i.test(begins);
}

/** All but the queue's waiting. */
export function writesOf({ waits: _, ...counts }: WriteCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** Of several rounds of one step, the one with the fewest: in others a sweep or the sealer had something to do as well. */
export function usual(rounds: readonly WriteCounts[]): WriteCounts {
  const sorted = [...rounds].sort((a, b) => writesOf(a) - writesOf(b));
  return sorted[0]!;
}

/** What the steps of a gated call wrote, each step as it usually does. */
export interface CallCounts {
  /** From the call to its card in the queue, with the head of its answer. */
  readonly parked: WriteCounts;
  /** The card's posting, by the queue's worker. */
  readonly posted: WriteCounts;
  /** The click with its acknowledgement, the witness, the call to the server, its outcome, and the agent's answer. */
  readonly decided: WriteCounts;
  /** The card's update, by the queue's worker. */
  readonly updated: WriteCounts;
}

export async function countCall(world: CountedWorld, rounds: number): Promise<CallCounts> {
  const all: Record<keyof CallCounts, WriteCounts[]> = { parked: [], posted: [], decided: [], updated: [] };
  // The first makes connections and plans.
  for (let n = 0; n <= rounds; n += 1) {
    let held: Response | null = null;
    await world.holdCards(true);
    const parked = await world.record(async () => {
      held = await world.ask(n);
    });
    const posted = await world.record(async () => {
      await world.holdCards(false);
      await world.card(n, /"approve"/);
    });
    const { ts } = await world.card(n, /"approve"/);
    await world.holdCards(true);
    const decided = await world.record(async () => {
      await world.house.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' });
      const text = await held!.text();
      if (!text.includes('"done"')) throw new Error(`the call did not run: ${text}`);
    });
    const updated = await world.record(async () => {
      await world.holdCards(false);
      await world.card(n, /ucceeded|went through/);
    });
    if (n === 0) continue;
    const round = {
      parked: world.countsOf(parked),
      posted: world.countsOf(posted),
      decided: world.countsOf(decided),
      updated: world.countsOf(updated),
    };
    // A worker that was taking its next job as the queue was paused took the card in another step.
    if (round.parked.slack + round.decided.slack > 0 || round.posted.slack * round.updated.slack === 0) continue;
    for (const step of Object.keys(all) as (keyof CallCounts)[]) all[step].push(round[step]);
  }
  if (all.parked.length < rounds / 2)
    throw new Error(`only in ${all.parked.length} of ${rounds} rounds each step was apart`);
  return {
    parked: usual(all.parked),
    posted: usual(all.posted),
    decided: usual(all.decided),
    updated: usual(all.updated),
  };
}
