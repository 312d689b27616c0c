import { setTimeout as sleep } from 'node:timers/promises';
import { DayAgents, type Told } from './agent.ts';
import type { DayClock } from './clock.ts';
import { callKey, type Day, type DayCall, HOURS } from './day.ts';
import { type DayGateway, startGateway } from './gateway.ts';
import { type Acted, pages, perform, readInbox } from './inbox.ts';
import type { Evidence, Judged, Logged } from './judge.ts';
import { CarefulPerson, type Waiting } from './person.ts';
import { startServers } from './servers.ts';

export interface ReplayOptions {
  readonly clock: DayClock;
  /** Seconds of the day at which the person looks. */
  readonly looks: readonly number[];
  /** Minutes of the day for which an allowance is given, at most; never longer than the day. */
  readonly allowMinutes: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly say?: (line: string) => void;
}

export interface Replayed extends Evidence {
  /** How long good calls waited, in seconds of the day, sorted. */
  readonly waits: readonly number[];
}

const QUARTER_S = 900;
const HOUR_S = 3_600;
/** A person reads for a while: what came meanwhile is for the next look. A call that an allowance lets run is open for a moment, too. */
const READ_MS = 2_000;
/** After the day nobody waits longer than this for a last answer. */
const PATIENCE_MS = 60_000;
const LOOK_AGAIN_MS = 20;

/** Once an hour, a quarter past, and once more when the day is over. */
export function hourlyLooks(hours = HOURS): number[] {
  return [...Array.from({ length: hours }, (_, hour) => hour * HOUR_S + QUARTER_S), hours * HOUR_S + 300];
}

/** Replays one day through the real program: real servers, real clients, and a person who looks now and then. */
export async function replay(day: Day, options: ReplayOptions): Promise<Replayed> {
  const { clock } = options;
  const servers = await startServers(day);
  const ends: (() => Promise<void>)[] = [servers.close];
  try {
    const gateway = await startGateway(day, servers.urls, clock.pace, { ...options.env, ...clock.env });
    const agents = new DayAgents(gateway);
    ends.push(gateway.close, () => agents.close());
    const sent = new SentCalls(agents, clock);
    const acted = await pass(day, { gateway, sent, options });
    const told = await ended(sent.ends, day);
    const evidence = {
      events: await pages<Logged>(gateway.api, '/api/events'),
      approvals: await pages<Judged>(gateway.api, '/api/approvals'),
    };
    return { day, acted, told, ran: servers.ran, waits: sent.waits.sort((a, b) => a - b), ...evidence };
  } finally {
    for (const end of ends.reverse()) await end();
    clock.close();
  }
}

interface Passing {
  readonly gateway: DayGateway;
  readonly sent: SentCalls;
  readonly options: ReplayOptions;
}

/** Lets the day pass: calls and looks, in the order of their times. Returns what the person did. */
async function pass(day: Day, { gateway, sent, options }: Passing): Promise<Acted[]> {
  const { clock, looks } = options;
  const mira = new Desk(day, gateway, options);
  let looking: Promise<void> = Promise.resolve();
  clock.begin();
  const things = [
    ...day.calls.map((call) => ({ at: call.at, happens: () => sent.send(call) })),
    ...looks.map((at, nth) => ({ at, happens: () => (looking = looking.then(() => mira.look(at, nth))) })),
  ].sort((a, b) => a.at - b.at);
  for (const { at, happens } of things) {
    await clock.reach(at);
    const done = happens();
    if (!clock.waits) continue;
    await done;
    await sent.settled(gateway);
  }
  await looking;
  return mira.acted;
}

/** The person's desk: what is in the inbox, and what was done with it. */
class Desk {
  readonly acted: Acted[] = [];
  readonly #gateway: DayGateway;
  readonly #options: ReplayOptions;
  readonly #person: CarefulPerson;

  constructor({ calls }: Day, gateway: DayGateway, options: ReplayOptions) {
    this.#gateway = gateway;
    this.#options = options;
    const bad = new Set(calls.filter((call) => call.bad).map(callKey));
    this.#person = new CarefulPerson((item) => bad.has(waitingKey(item)));
  }

  async look(at: number, nth: number): Promise<void> {
    const { clock, looks, allowMinutes, say } = this.#options;
    const end = looks.at(-1)!;
    const left = (end - at) / 60;
    const now = {
      nth,
      isLast: at === end,
      minutes: clock.pace.minutes(Math.min(left, allowMinutes)),
      denyMinutes: clock.pace.minutes(left),
    };
    for (let again = true; again; ) {
      const inbox = await readInbox(this.#gateway, clock.waits ? 0 : READ_MS);
      const done: Acted[] = [];
      for (const act of this.#person.look(inbox.waiting, inbox.allowed, now)) {
        done.push(await perform(this.#gateway, act));
      }
      this.acted.push(...done);
      again = done.some(({ kind }) => kind === 'told otherwise');
      const acts = done.map(({ kind }) => kind).join(', ') || 'nothing to do';
      say?.(`${timeOfDay(at)}  ${inbox.waiting.length} waiting: ${acts}`);
    }
  }
}

/** The calls that were sent, and what became of them. */
class SentCalls {
  readonly ends: Promise<Told>[] = [];
  /** Seconds of the day that good calls waited. */
  readonly waits: number[] = [];
  readonly #open = new Set<DayCall>();
  readonly #agents: DayAgents;
  readonly #clock: DayClock;

  constructor(agents: DayAgents, clock: DayClock) {
    this.#agents = agents;
    this.#clock = clock;
  }

  async send(call: DayCall): Promise<void> {
    const start = this.#clock.second();
    this.#open.add(call);
    const end = this.#agents.call(call).then((told) => {
      this.#open.delete(call);
      if (!call.bad) this.waits.push(this.#clock.second() - start);
      return told;
    });
    this.ends.push(end);
  }

  /** Resolves when every call that has not ended waits for a person. */
  async settled(gateway: DayGateway): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    while (this.#open.size > 0 && performance.now() < end) {
      const waiting = new Set((await readInbox(gateway, 0)).waiting.map(waitingKey));
      if ([...this.#open].every((call) => waiting.has(callKey(call)))) return;
      await sleep(LOOK_AGAIN_MS);
    }
  }
}

function waitingKey({ grant, ...item }: Waiting): string {
  return callKey({ ...(item as never as DayCall), agent: grant });
}

/** What each call came to; a call that never ends counts as not answered. */
async function ended(calls: readonly Promise<Told>[], { calls: sent }: Day): Promise<Told[]> {
  const late = sleep(PATIENCE_MS, null, { ref: false });
  const none = (n: number): Told => ({ call: sent[n]!, end: 'no answer' });
  return Promise.all(calls.map(async (call, n) => (await Promise.race([call, late])) ?? none(n)));
}

/** The day begins at nine. */
function timeOfDay(second: number): string {
  const minutes = 9 * 60 + Math.floor(second / 60);
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}
