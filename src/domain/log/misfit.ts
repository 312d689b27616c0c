import type { ChainFault, Link } from './evidence.ts';

/** The last event that fits. */
interface LastGood {
  readonly seq: number;
  readonly hash: string;
  /** The hash of the event before it. */
  readonly previous: string;
}

type Fits = (previous: string, seq: number, text: string, hash: string) => boolean;

/**
 * Works out what happened where an event does not follow from the one before it. Each guess is tested against the
 * hashes as found, which nobody can make without the texts that they were made over.
 *
 * | found | diagnosis |
 * |---|---|
 * | the next event belongs here, and this one after it | reordered |
 * | the next event belongs here | this one was inserted |
 * | this event belongs in the place of the one before it | that one was inserted |
 * | the next event was sealed with the number after its own | one before this was removed, the rest renumbered |
 * | numbers are missing | removed |
 * | a number appears twice | inserted |
 * | none of these | changed |
 */
export function diagnoseMisfit(before: LastGood, misfit: Link, next: Link | null, fits: Fits): ChainFault {
  const seq = before.seq + 1;
  const at = misfit.seq!;
  if (at > seq) return next?.seq === seq ? { kind: 'reordered', seq } : { kind: 'removed', seq, until: at - 1 };
  if (at < seq) return { kind: 'inserted', seq: at };
  const hash = misfit.hash!;
  if (next?.hash) {
    const { text } = next;
    // Either only the texts changed places, or the texts together with their hashes.
    if (fits(before.hash, seq, text, hash)) return { kind: 'reordered', seq };
    if (fits(before.hash, seq, text, next.hash)) {
      const back = fits(next.hash, seq + 1, misfit.text, hash);
      return back ? { kind: 'reordered', seq } : { kind: 'inserted', seq };
    }
  }
  if (fits(before.previous, before.seq, misfit.text, hash)) return { kind: 'inserted', seq: before.seq };
  if (next?.hash && fits(hash, seq + 2, next.text, next.hash)) return { kind: 'removed', seq, until: seq };
  return { kind: 'changed', seq };
}
