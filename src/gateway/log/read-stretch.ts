import { chainText, GENESIS } from '../../domain/log/chain.ts';
import type { Checkpoint } from '../../domain/log/checkpoint.ts';
import { GrowingTree } from '../../domain/log/merkle.ts';
import type { ChainedEvent, ForeignEvent } from '../../ports.ts';
import { breathe } from '../../time/breathe.ts';
import type { Ports } from '../ports.ts';

/** Events that are read at once: half a millisecond's work for each hundred. */
const PAGE = 500;

/** What was read of the log since the newest checkpoint. */
export type ReadStretch =
  | { readonly kind: 'whole'; readonly root: string }
  /** The first event that no gateway wrote as it is. */
  | ({ readonly kind: 'foreign'; readonly seq: number; readonly retired: boolean } & Pick<ForeignEvent, 'field'>)
  /** The first event that does not follow from the one before it. */
  | { readonly kind: 'misfit'; readonly seq: number };

/**
 * Reads the events since the newest checkpoint, up to `until`: each must be one that a gateway wrote (P7) and follow from
 * the one before it, by its text: a root over hashes that only stand in a column would vouch for texts that nobody
 * wrote. Up to `unsealedUntil` it is taken as it is: an operator accepted it. null: the log has changed while it was read.
 */
export async function readStretch(
  { ledger, vault }: Pick<Ports, 'ledger' | 'vault'>,
  newest: Checkpoint | null,
  until: number,
  unsealedUntil: number,
): Promise<ReadStretch | null> {
  const tree = new GrowingTree(vault.proof.digest);
  let [seq, hash] = newest === null ? [0, GENESIS] : [newest.seq, newest.hash];
  while (seq < until) {
    const page = await ledger.chain(seq, PAGE, { phrases: true, copies: true });
    if (page.length === 0) return null;
    for (const event of page) {
      if (seq === until) break;
      if (event.seq! > unsealedUntil) {
        const field = foreignField(event);
        if (field !== null) {
          return { kind: 'foreign', seq: event.seq!, field, retired: event.ours !== true && event.retired };
        }
        const follows =
          event.seq === seq + 1 && vault.proof.sha256(chainText(hash, seq + 1, event.text)) === event.hash;
        if (!follows) return { kind: 'misfit', seq: event.seq! };
      }
      [seq, hash] = [event.seq!, event.hash!];
      tree.push(hash);
    }
    await breathe();
  }
  return { kind: 'whole', root: tree.root() };
}

function foreignField(event: ChainedEvent): ForeignEvent['field'] | null {
  if (event.ours !== true) return 'body';
  if (event.copied) return 'seal';
  return event.agrees ? null : 'columns';
}
