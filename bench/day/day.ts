import { readFileSync } from 'node:fs';

/** One call of the day that policy asks about. */
export interface DayCall {
  /** Seconds since the day began. */
  readonly at: number;
  readonly agent: string;
  readonly server: string;
  readonly tool: string;
  readonly risk: string;
  readonly arguments: Readonly<Record<string, string | number>>;
  /** What nobody should let through: what a careful person sees when they read it. Neither agent nor gateway is told. */
  readonly bad: boolean;
}

export interface Day {
  readonly about: string;
  readonly calls: readonly DayCall[];
}

/** A day at work has eight hours. */
export const HOURS = 8;

export function readDay(file: string): Day {
  const day = JSON.parse(readFileSync(file, 'utf8')) as Day;
  if (!Array.isArray(day.calls) || day.calls.length === 0) throw new Error(`${file} is no day: it has no calls.`);
  return { about: day.about, calls: day.calls.toSorted((a, b) => a.at - b.at) };
}

/** Tells calls apart: the same agent, tool and arguments are the same call, in whatever order the arguments stand. */
export function callKey({ agent, server, tool, arguments: args }: Omit<DayCall, 'at' | 'bad' | 'risk'>): string {
  return JSON.stringify([agent, `${server}.${tool}`, Object.entries(args).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** Which servers each agent calls. */
export function agentsOf({ calls }: Day): ReadonlyMap<string, readonly string[]> {
  const agents = new Map<string, string[]>();
  for (const { agent, server } of calls) {
    const servers = agents.get(agent) ?? [];
    if (!servers.includes(server)) servers.push(server);
    agents.set(agent, servers);
  }
  return agents;
}
