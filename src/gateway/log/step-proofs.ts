import { readCheckpoint, type SignedCheckpoint } from '../../domain/log/checkpoint.ts';
import type { ProvenStep } from '../../domain/log/decision-evidence.ts';
import { inclusionPath, type TreeRows, treeRows } from '../../domain/log/merkle.ts';
import type { ProvenEvent } from '../../ports.ts';
import { inTurns } from '../../time/in-turns.ts';
import type { Ports } from '../ports.ts';

/** What of an event its proof is about. */
type Provable = Pick<ProvenEvent, 'hash' | 'previous' | 'seq' | 'text'>;

/** What is used of the log to make a proof. */
export type ProvingLedger = Pick<Ports['ledger'], 'covering' | 'hashes' | 'link'>;

interface ProofParts {
  readonly ledger: ProvingLedger;
  readonly vault: { readonly proof: Pick<Ports['vault']['proof'], 'digest'> };
}

/** Makes the proofs of inclusion, and keeps the checkpoints, and the tree under the last of them. */
export class StepProofs {
  readonly #gateway: ProofParts;
  readonly #checkpoints = new Map<number, SignedCheckpoint>();
  /** Over the events after `since`, up to `seq`. */
  #tree: { readonly since: number; readonly seq: number; readonly rows: TreeRows } = { since: 0, seq: 0, rows: [] };

  constructor(gateway: ProofParts) {
    this.#gateway = gateway;
  }

  /** Those that a proof names, in the chain's order. */
  get checkpoints(): SignedCheckpoint[] {
    return [...this.#checkpoints].sort(([a], [b]) => a - b).map(([, { text, signature }]) => ({ text, signature }));
  }

  async of(events: readonly Provable[]): Promise<ProvenStep[]> {
    const steps: ProvenStep[] = [];
    for (const event of events) steps.push(await this.#proofOf(event));
    return steps;
  }

  async #proofOf({ seq, hash, previous, text }: Provable): Promise<ProvenStep> {
    if (seq === null) return { seq, hash: null, previous: null, text, checkpoint: null, path: [] };
    const { ledger, vault } = this.#gateway;
    if (seq <= this.#tree.since || seq > this.#tree.seq) {
      const over = await ledger.covering(seq);
      const since = over === null ? null : (readCheckpoint(over.text)?.since ?? null);
      // One from before checkpoints had roots vouches only for a log that is there as a whole.
      if (over === null || since === null || since >= seq) {
        return { seq, hash, previous, text, checkpoint: null, path: [] };
      }
      const entries = await ledger.hashes(since, over.seq);
      // What its proof could be made of was cut; the proof stayed.
      if (entries.length < over.seq - since) return this.#keptProof({ seq, hash, previous, text });
      this.#tree = { since, seq: over.seq, rows: await inTurns(treeRows(vault.proof.digest, entries)) };
      this.#checkpoints.set(over.seq, over);
    }
    const path = inclusionPath(this.#tree.rows, seq - this.#tree.since - 1);
    return { seq, hash, previous, text, checkpoint: this.#tree.seq, path };
  }

  async #keptProof({ seq, hash, previous, text }: Provable): Promise<ProvenStep> {
    const { ledger } = this.#gateway;
    const link = seq === null ? null : await ledger.link(seq);
    const over = link === null || link.checkpoint === null ? null : await ledger.covering(link.checkpoint);
    const unproven = { seq, hash, previous: link?.previous ?? previous, text, checkpoint: null, path: [] };
    if (link === null || over === null || over.seq !== link.checkpoint) return unproven;
    this.#checkpoints.set(over.seq, over);
    return { ...unproven, checkpoint: over.seq, path: link.path };
  }
}
