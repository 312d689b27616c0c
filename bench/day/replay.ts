import { setTimeout as sleep } from 'node:timers/promises';
import { DayAgents, type Told } from './agent.ts';
import { callKey, type Day, HOURS } from './day.ts';
import { type DayGateway, startGateway } from './gateway.ts';
import { type Acted, pages, perform, readInbox } from './inbox.ts';
import type { Evidence, Judged, Logged } from './judge.ts';
import { Pace } from './pace.ts';
import { CarefulPerson, type Waiting } from './person.ts';
import { startServers } from './servers.ts';

export interface ReplayOptions {
  /** Real milliseconds of an hour of the day. */
  readonly hourMs: number;
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

/** Once an hour, a quarter past, and once more when the day is over. */
export function hourlyLooks(hours = HOURS): number[] {
  return [...Array.from({ length: hours }, (_, hour) => hour * HOUR_S + QUARTER_S), hours * HOUR_S + 300];
}

/** Replays one day through the real program: real servers, real clients, and a person who looks now and then. */
export async function replay(day: Day, options: ReplayOptions): Promise<Replayed> {
  const pace = new Pace(options.hourMs);
  const servers = await startServers(day);
  let gateway: DayGateway | null = null;
  try {
    gateway = await startGateway(day, servers.urls, pace, options.env ?? {});
    const agents = new DayAgents(gateway);
    const began = performance.now();
    const when = (second: number): Promise<void> =>
      sleep(Math.max(0, began + pace.ms(second * 1_000) - performance.now()));
    const calls = day.calls.map(async (call) => when(call.at).then(() => agents.call(call)));
    const acted = await person(day, gateway, pace, when, options);
    const told = await ended(calls, day);
    await agents.close();
    const evidence = {
      events: await pages<Logged>(gateway.api, '/api/events'),
      approvals: await pages<Judged>(gateway.api, '/api/approvals'),
    };
    const waits = told
      .filter(({ call }) => !call.bad)
      .map(({ ms }) => pace.daySeconds(ms))
      .sort((a, b) => a - b);
    return { day, acted, told, ran: servers.ran, waits, ...evidence };
  } finally {
    await gateway?.close();
    await servers.close();
  }
}

async function person(
  { calls }: Day,
  gateway: DayGateway,
  pace: Pace,
  when: (second: number) => Promise<void>,
  { looks, allowMinutes, say }: ReplayOptions,
): Promise<Acted[]> {
  const bad = new Set(calls.filter(({ bad }) => bad).map(callKey));
  const mira = new CarefulPerson((item: Waiting) => bad.has(callKey({ ...item, agent: item.grant } as never)));
  const acted: Acted[] = [];
  const end = looks.at(-1)!;
  for (const [nth, at] of looks.entries()) {
    await when(at);
    const left = (end - at) / 60;
    const now = {
      nth,
      isLast: at === end,
      minutes: pace.minutes(Math.min(left, allowMinutes)),
      denyMinutes: pace.minutes(left),
    };
    for (let again = true; again; ) {
      const inbox = await readInbox(gateway, READ_MS);
      const done: Acted[] = [];
      for (const act of mira.look(inbox.waiting, inbox.allowed, now)) done.push(await perform(gateway, act));
      acted.push(...done);
      again = done.some(({ kind }) => kind === 'told otherwise');
      say?.(
        `${clock(at)}  ${inbox.waiting.length} waiting: ${done.map(({ kind }) => kind).join(', ') || 'nothing to do'}`,
      );
    }
  }
  return acted;
}

/** What each call came to; a call that never ends counts as not answered. */
async function ended(calls: readonly Promise<Told>[], day: Day): Promise<Told[]> {
  const late = sleep(PATIENCE_MS, null, { ref: false });
  return Promise.all(
    calls.map(
      async (call, n) => (await Promise.race([call, late])) ?? { call: day.calls[n]!, end: 'no answer', ms: 0 },
    ),
  );
}

/** The day begins at nine. */
function clock(second: number): string {
  const minutes = 9 * 60 + Math.floor(second / 60);
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}
