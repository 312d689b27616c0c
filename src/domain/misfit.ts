import type { ChainFault, Link } from './chain.ts';

interface Before {
  readonly seq: number;
  readonly hash: string;
  /** The hash before that. */
  readonly previous: string;
}

type Fits = (previous: string, seq: number, text: string, hash: string) => boolean;

/**
 * What happened where an event does not follow from the one before it: each guess is tried on the hashes as they
 * stand, which nobody can make without the texts they were made over.
 *
 * | found | named |
 * |---|---|
 * | the next one belongs here, and this one after it | reordered |
 * | the next one belongs here | this one was inserted |
 * | this one belongs where the last one stands | the last one was inserted |
 * | the next one was numbered one higher when it was sealed | one before this was removed, the rest renumbered |
 * | numbers are left out | removed |
 * | a number comes twice | inserted |
 * | none of these | changed |
 */
export function classify(before: Before, misfit: Link, next: Link | null, fits: Fits): ChainFault {
  const seq = before.seq + 1;
  const at = misfit.seq!;
  if (at > seq) return next?.seq === seq ? { kind: 'reordered', seq } : { kind: 'removed', seq, until: at - 1 };
  if (at < seq) return { kind: 'inserted', seq: at };
  const hash = misfit.hash!;
  if (next?.hash) {
    const { text } = next;
    // The texts alone were exchanged, or the texts with their hashes.
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
