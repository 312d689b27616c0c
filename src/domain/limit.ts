import type { Call } from './call.ts';

export const WINDOWS = ['second', 'minute', 'hour', 'day', 'week', 'month'] as const;
export type CalendarWindow = (typeof WINDOWS)[number];
export const SCOPES = ['grant', 'session', 'server', 'owner', 'global'] as const;
export type Scope = (typeof SCOPES)[number];

/** A limit as a policy states it. Windows are aligned to UTC; `seconds` counts from the epoch. */
export interface LimitRule {
  readonly counter: string;
  readonly window: { readonly calendar: CalendarWindow } | { readonly seconds: number };
  /** The most that is let through per window and scope value: calls, or the sum of `by`. A decimal as text. */
  readonly max: string;
  readonly scope: Scope;
  /** What one call takes: a decimal as text; `evaluate` has already read it from the arguments where the rule says so. */
  readonly by: string;
  /** The author's words for the agent when it has no room. */
  readonly reason?: string | null;
}

/** One counter a call would take from. The window's start is the database's to say. */
export interface Take {
  readonly server: string;
  readonly counter: string;
  readonly scope: Scope;
  readonly scopeValue: string;
  readonly window: LimitRule['window'];
  readonly max: string;
  readonly by: string;
}

/** What a call took from one counter, and from which of its windows: only there it can be given back. */
export interface Taken {
  readonly take: Take;
  readonly windowStart: Date;
}

/** A limit that has no room. */
export interface Full {
  readonly take: Take;
  /** When its window ends, by the database's clock. */
  readonly resetsAt: Date;
  /** Whole seconds until then, at least 1. */
  readonly retryAfter: number;
}

/** The counters that a call takes from, in one order for everybody, so that two calls never wait for each other in a circle. */
export function takesOf(call: Call, limits: readonly LimitRule[]): Take[] {
  return limits.map((rule) => takeOf(call, rule)).sort((a, b) => (takeKey(a) < takeKey(b) ? -1 : 1));
}

function takeOf(call: Call, rule: LimitRule): Take {
  return {
    server: rule.scope === 'global' || rule.scope === 'owner' ? '*' : call.server,
    counter: rule.counter,
    scope: rule.scope,
    scopeValue: scopeValue(call, rule.scope),
    window: rule.window,
    max: rule.max,
    by: rule.by,
  };
}

function scopeValue(call: Call, scope: Scope): string {
  switch (scope) {
    case 'grant':
      return call.principal.grant;
    case 'session':
      // Where the protocol has no session the grant is the narrowest thing that a caller cannot make anew at will.
      return call.session === null ? `grant ${call.principal.grant}` : `session ${call.session}`;
    case 'server':
      return call.server;
    case 'owner':
      return call.principal.owner ?? `grant ${call.principal.grant}`;
    case 'global':
      return '*';
    default:
      return scope satisfies never;
  }
}

/** A counter's name without its window's start. */
export function takeKey(take: Take): string {
  const window = 'calendar' in take.window ? take.window.calendar : `${take.window.seconds}s`;
  return JSON.stringify([take.server, take.counter, take.scope, take.scopeValue, window]);
}
