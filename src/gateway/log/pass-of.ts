import type { Approval, UnsentEnd } from '../../domain/approval/approval.ts';
import type { SpentPass } from '../../domain/log/witness-entry.ts';
import type { Clock } from '../../ports.ts';

/** Milliseconds for which an entry is kept longer than its pass could be good: replicas' clocks may differ by an hour. */
const MARGIN_MS = 2 * 60 * 60_000;
/** Milliseconds after which no question that a server asked before stands any more, besides the time to pick it up. */
const QUESTION_MS = 24 * 60 * 60_000;

/** What the end of an entry follows from. */
export interface PassTerms {
  readonly clock: Clock;
  /** How long a pass waits for its caller, in ms. */
  readonly pickupMs: () => number;
}

/** What witnesses are told of a sending. `approval`: as it was judged, or with the very seals that were written. */
export function passOf(terms: PassTerms, approval: Approval, round: number): SpentPass {
  const { id, revision, server, tool, grant, fingerprint, expiresAt, pickupUntil } = approval;
  const at = terms.clock.now();
  const good = Math.max(expiresAt.getTime(), pickupUntil?.getTime() ?? 0, at.getTime()) + terms.pickupMs() + MARGIN_MS;
  const over = new Date(round === 0 ? good : Math.max(good, questionUntil(terms).getTime()));
  return { approval: id, round, revision, at, until: over, server, tool, grant, fingerprint, returned: false };
}

/** What they are told of an end. */
export function endOf(terms: PassTerms, approval: Approval, ended: UnsentEnd): SpentPass {
  return { ...passOf(terms, approval, 0), ended };
}

/** Until when a question that a server asks now may stand. */
export function questionUntil({ clock, pickupMs }: PassTerms): Date {
  return new Date(clock.now().getTime() + pickupMs() + QUESTION_MS);
}
