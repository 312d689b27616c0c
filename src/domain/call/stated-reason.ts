import { bounded } from '../../text/bounded.ts';
import { replaceInkless } from '../../text/deceptive.ts';

/** Characters of an agent's reason that are kept and shown, each invisible one counted as the six of its escape. */
export const LONGEST_REASON_STATED = 4_000;
/** The same of a reason with which a later caller joins. */
const LONGEST_LATER = 500;
/** How many different ones of later callers an approval shows; the log has them all. */
const MOST_LATER = 5;

/** The member of `_meta` in which an agent says why it calls. */
export const REASON_MEMBER = 'holdfast/reason';
/** The argument in which it says so where policy has a tool's list offer one. */
export const REASON_ARGUMENT = 'holdfast_reason';

/** What an agent says why it calls: its own words, which nobody has verified. */
interface StatedReasons {
  /** Of the caller who opened the approval; null: it gave none. */
  readonly statedReason: string | null;
  /** Of callers who joined it while it was pending and said something else; oldest first. */
  readonly laterReasons: readonly string[];
}

const SAYS_SOMETHING = /[\p{L}\p{N}]/u;

/** Whether there is anything to read in it, as far as it is kept: a letter or a digit among what else it may be made of. */
export function saysWhy(reason: string | null): boolean {
  return reason !== null && SAYS_SOMETHING.test(replaceInkless(reason.slice(0, LONGEST_REASON_STATED), () => ''));
}

/** A reason as it is kept: marked where it was cut. SQL text cannot hold NUL, so its escape stands in its place. */
export function keptReason(reason: string | null, limit: number = LONGEST_REASON_STATED): string | null {
  return reason === null ? null : bounded(reason, limit).replaceAll('\0', '\\u0000').toWellFormed();
}

/** The later reasons with this one. Null: it adds nothing, because it was said before or there are enough of them. */
export function withLaterReason(
  { statedReason, laterReasons }: StatedReasons,
  reason: string | null,
): readonly string[] | null {
  if (reason === null || reason === statedReason || laterReasons.length >= MOST_LATER) return null;
  const kept = keptReason(reason, LONGEST_LATER)!;
  return laterReasons.includes(kept) ? null : [...laterReasons, kept];
}
