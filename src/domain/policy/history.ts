import type { Risk } from '../tool/risk.ts';
import type { Glob } from './glob.ts';

/** Whose earlier calls count. Where there is no session, a session's calls are those of its grant. */
export const AFTER_SCOPES = ['grant', 'session'] as const;
export type AfterScope = (typeof AFTER_SCOPES)[number];

/** Calls that a policy wants remembered: those of a tool, of a risk, or all of a server. */
export interface RememberedCalls {
  /** A name, or `*`: all servers; null: the server of the policy itself. */
  readonly server: string | null;
  /** null: any tool. */
  readonly tool: Glob | null;
  /** null: any risk. */
  readonly risk: Risk | null;
}

/** A condition on what was called before. */
export interface After {
  readonly calls: RememberedCalls;
  readonly withinMs: number;
  readonly scope: AfterScope;
}

/**
 * What has to be true of the earlier call: for what forbids or asks, that it has begun, whatever became of it; for what is
 * required, that it has succeeded, proven by its server's answer.
 */
export type AfterPhase = 'begun' | 'succeeded';

export function phaseOf(quantifier: 'every' | 'some'): AfterPhase {
  return quantifier === 'some' ? 'begun' : 'succeeded';
}

/** An earlier call that was found. */
export interface CallBefore {
  /** How the log finds it: the id in its event, or its approval. */
  readonly ref: string;
  /** When it began, or when its answer came, which counts later. */
  readonly at: Date;
}

/** What was called before, as far as it has been read. */
export interface History {
  /** The latest such call within the time; null: there is none. `unknown`: it was not read, or cannot be believed. */
  earlier(after: After, phase: AfterPhase): CallBefore | null | 'unknown';
}

/** Nothing has been read: every condition on it fails closed. */
export const UNREAD_HISTORY: History = { earlier: () => 'unknown' };

/** Nothing was called before. */
export const NO_HISTORY: History = { earlier: () => null };

/** For what is required, whether it has succeeded; for what forbids or asks, whether it has begun. */
export function answerAfter(after: After, quantifier: 'every' | 'some', history: History): 'no' | 'unread' | 'yes' {
  const earlier = history.earlier(after, phaseOf(quantifier));
  return earlier === 'unknown' ? 'unread' : earlier === null ? 'no' : 'yes';
}
