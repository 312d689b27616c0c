import type { Approval, UnsentEnd } from '../../domain/approval/approval.ts';
import type { SpentPass } from '../../domain/log/witness-entry.ts';
import type { Clock } from '../../ports.ts';
import { laterOf } from '../../time/two-clocks.ts';

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
  const { id, revision, server, tool, grant, fingerprint } = approval;
  const at = terms.clock.now();
  const later = laterOf(terms.clock).getTime();
  const good = Math.max(goodUntil(approval), later) + terms.pickupMs() + MARGIN_MS;
  const over = new Date(round === 0 ? good : Math.max(good, later + terms.pickupMs() + QUESTION_MS));
  return { approval: id, round, revision, at, until: over, server, tool, grant, fingerprint, returned: false };
}

/**
 * An entry is forgotten once its pass is over by both clocks. A pass that is over so by this machine's clock alone could only be
 * spent because the database's was set back, and then nobody outside it can say whether it was sent before.
 */
export function mayBeForgotten({ clock, pickupMs }: PassTerms, approval: Approval): boolean {
  return goodUntil(approval) + pickupMs() + MARGIN_MS < laterOf(clock).getTime();
}

function goodUntil({ expiresAt, pickupUntil }: Approval): number {
  return Math.max(expiresAt.getTime(), pickupUntil?.getTime() ?? 0);
}

/** What they are told of an end. */
export function endOf(terms: PassTerms, approval: Approval, ended: UnsentEnd): SpentPass {
  return { ...passOf(terms, approval, 0), ended };
}

/** Until when a question that a server asks now may stand. */
export function questionUntil({ clock, pickupMs }: PassTerms): Date {
  return new Date(clock.now().getTime() + pickupMs() + QUESTION_MS);
}
