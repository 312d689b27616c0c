import type { AnswersMode } from '../policy/verdict.ts';

/** A question of the server's that a leg answers, frozen with the leg. */
export interface AskedQuestion {
  /**
   * Which one: the number of the question among those of its call (2026-07-28), or the number under which a request of
   * the server's is kept.
   */
  readonly n: number;
  readonly kind: 'result' | 'request';
  /** The server's word as JSON text: redacted by name, and cut. */
  readonly text: string;
}

/** What an agent answered to its server's question. */
export interface GivenAnswer {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** The approval of the answer itself; null: policy needs none. */
  readonly leg: string | null;
  /** A keyed digest of the answer's bytes. */
  readonly digest: string;
  /** The answer as JSON text, redacted and cut. */
  readonly text: string;
}

/** Longest question that is kept with a leg, and longest answer that is kept with the call, in UTF-16 units. */
export const LONGEST_ASKED = 4_000;
export const LONGEST_GIVEN = 1_000;
/** Answers kept with a call, the latest; all of them are in the log. */
export const MOST_GIVEN = 20;

/**
 * Whether answers need a yes of their own: what was frozen with the call or what policy says now, whichever is
 * stricter. `frozen`: undefined for a call of a release that did not freeze it, which counts as policy says now.
 */
export function answersMode(frozen: AnswersMode | undefined, now: AnswersMode): AnswersMode {
  return frozen === 'ask' || now === 'ask' ? 'ask' : 'allow';
}
