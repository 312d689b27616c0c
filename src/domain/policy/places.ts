import { type AfterUse, isRemembered, type RememberedCall, rememberedAs } from './after.ts';
import type { After, AfterPhase } from './history.ts';

/** Something that some policy asks of earlier calls, as one call has to be remembered for it. */
export interface WantedMemory {
  /** `rememberedAs`. */
  readonly as: string;
  readonly phase: AfterPhase;
  /** Some policy asks for calls of the same session. */
  readonly bySession: boolean;
  /** The longest time that any policy looks back. */
  readonly longestMs: number;
}

/** What is wanted of calls, by the server whose policy wants it. */
export interface WantedBy {
  readonly server: string;
  readonly use: AfterUse;
}

/** What has to be remembered of this call, each once. */
export function wantedOf(all: readonly WantedBy[], call: RememberedCall): WantedMemory[] {
  return merged(all.filter(({ server, use }) => isRemembered(use.after.calls, server, call, use.phase)));
}

function merged(all: readonly WantedBy[]): WantedMemory[] {
  const wanted = new Map<string, WantedMemory>();
  for (const { server, use } of all) {
    const { after, phase } = use;
    const as = rememberedAs(after.calls, server);
    const known = wanted.get(`${phase} ${as}`);
    wanted.set(`${phase} ${as}`, {
      as,
      phase,
      bySession: after.scope === 'session' || known?.bySession === true,
      longestMs: Math.max(after.withinMs, known?.longestMs ?? 0),
    });
  }
  return [...wanted.values()];
}

/** What is wanted of calls that begin at a server of these names, whatever their tools are. */
export function wantedAt(all: readonly WantedBy[], servers: readonly string[]): WantedMemory[] {
  const begun = all.filter(({ use }) => use.phase === 'begun');
  const here = begun.filter(({ server, use }) => {
    const named = use.after.calls.server ?? server;
    return named === '*' || servers.includes(named);
  });
  return merged(here);
}

/** Whose call it is. `session`: a digest; null: it came without one. */
export interface Rememberer {
  readonly grant: string;
  readonly session: string | null;
}

/** Milliseconds for which what a call was to bring may come by another way: the longest that a rule looks back. */
export const LATE_MS = 31 * 24 * 60 * 60_000;

/** Where it is remembered that something may come later of such calls. */
export function latePlaceOf(as: string, { grant }: Pick<Rememberer, 'grant'>): string {
  return placeOf(grant, ALL, as, 'late');
}

function placeOf(grant: string, whose: string, as: string, phase: AfterPhase | 'late'): string {
  return JSON.stringify([grant, whose, phase, as]);
}

const ALL = 'grant';
const WITHOUT = 'no session';
const inSession = (session: string): string => `session ${session}`;

/** Where a call is remembered. */
export function placesOf({ as, phase, bySession }: WantedMemory, { grant, session }: Rememberer): string[] {
  const own = session === null ? WITHOUT : inSession(session);
  return [ALL, ...(bySession ? [own] : [])].map((whose) => placeOf(grant, whose, as, phase));
}

/**
 * Where earlier calls are looked for; one is enough. Of what forbids or asks, calls without a session count as calls of
 * every session, and for a call without one all of its grant's count: nobody escapes by leaving the session out. Of what
 * is required, only calls of the very session count, and of those without one, those without one.
 */
export function placesFor(
  { calls, scope }: After,
  phase: AfterPhase,
  { grant, session }: Rememberer,
  server: string,
): string[] {
  const as = rememberedAs(calls, server);
  const own = session === null ? WITHOUT : inSession(session);
  const strict = phase === 'succeeded';
  const whose = scope === 'grant' || (session === null && !strict) ? [ALL] : strict ? [own] : [own, WITHOUT];
  return whose.map((one) => placeOf(grant, one, as, phase));
}
