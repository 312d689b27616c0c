import type { Call } from '../call/call.ts';

export const WINDOWS = ['second', 'minute', 'hour', 'day', 'week', 'month'] as const;
export type CalendarWindow = (typeof WINDOWS)[number];
export const SCOPES = ['grant', 'session', 'server', 'owner', 'global'] as const;
export type Scope = (typeof SCOPES)[number];
/** Whose calls a limit counts together where its scope does not cross servers anyway. */
export const SHARINGS = ['server', 'upstream'] as const;
export type Sharing = (typeof SHARINGS)[number];

/** A limit as a policy states it. Calendar windows are aligned to UTC; windows of `seconds`, to the epoch. */
export interface LimitRule {
  readonly counter: string;
  readonly window: { readonly calendar: CalendarWindow } | { readonly seconds: number };
  /** The most that is let through per window and scope value: calls, or the sum of `by`. A decimal as text. */
  readonly max: string;
  readonly scope: Scope;
  /** `upstream`: all servers of the config that lead to the same upstream share the counter. `server` when absent. */
  readonly shared?: Sharing;
  /** What one call takes, a decimal as text. Where the rule names an argument, `evaluate` has read it. */
  readonly by: string;
  /** The author's words for the agent when the limit is full. */
  readonly reason?: string | null;
  /** It counts and refuses nothing, because its server or its rule is only watched. */
  readonly watched?: true;
}

/** What a call would take from one counter. The database decides when the window starts. */
export interface Take {
  /** The server, the name of its upstream, or `*`. */
  readonly server: string;
  readonly counter: string;
  readonly scope: Scope;
  readonly scopeValue: string;
  readonly window: LimitRule['window'];
  readonly max: string;
  readonly by: string;
  /** It counts and refuses nothing. */
  readonly watched?: true;
}

/** What a call took from one counter, and from which window: it can be given back only there. */
export interface Taken {
  readonly take: Take;
  readonly windowStart: Date;
}

/** A limit that has no room for a call. */
export interface FullLimit {
  readonly take: Take;
  /** When its window ends, by the database's clock. */
  readonly resetsAt: Date;
  /** Whole seconds until then, at least 1. */
  readonly retryAfter: number;
}

/**
 * What a call takes from its counters, in the same order for every call, so that two calls cannot deadlock.
 * `upstreamOf`: a name of the server's upstream, the same for every server that leads there.
 */
export function takesOf(call: Call, limits: readonly LimitRule[], upstreamOf: (server: string) => string): Take[] {
  return limits.map((rule) => takeOf(call, rule, upstreamOf)).sort((a, b) => (takeKey(a) < takeKey(b) ? -1 : 1));
}

function takeOf(call: Call, rule: LimitRule, upstreamOf: (server: string) => string): Take {
  const server = rule.shared === 'upstream' ? upstreamOf(call.server) : call.server;
  return {
    server: rule.scope === 'global' || rule.scope === 'owner' ? '*' : server,
    counter: rule.counter,
    scope: rule.scope,
    scopeValue: rule.scope === 'server' ? server : scopeValue(call, rule.scope),
    window: rule.window,
    max: rule.max,
    by: rule.by,
    ...(rule.watched === true ? { watched: true } : {}),
  };
}

function scopeValue(call: Call, scope: Exclude<Scope, 'server'>): string {
  switch (scope) {
    case 'grant':
      return call.principal.grant;
    case 'session':
      // Where the protocol has no session, the grant is the narrowest scope that a caller cannot renew at will.
      return call.session === null ? `grant ${call.principal.grant}` : `session ${call.session}`;
    case 'owner':
      return call.principal.owner ?? `grant ${call.principal.grant}`;
    case 'global':
      return '*';
    default:
      return scope satisfies never;
  }
}

/** More than any counter reaches: a limit states at most 30 digits, and a call takes as many. */
const NO_MAXIMUM = `1${'0'.repeat(60)}`;

/** The same take, which finds room whatever has been counted. */
export function uncapped(take: Take): Take {
  return { ...take, max: NO_MAXIMUM };
}

/** Identifies a counter, whichever window it is in. */
export function takeKey(take: Take): string {
  const window = 'calendar' in take.window ? take.window.calendar : `${take.window.seconds}s`;
  return JSON.stringify([take.server, take.counter, take.scope, take.scopeValue, window]);
}
