import type { SignedCheckpoint } from '../domain/log/checkpoint.ts';
import type { ChainedEvent } from './ledger.ts';

/** Keeps a checkpoint out of reach of whoever has the database. An error is logged and stops nothing. */
export type CheckpointCopy = (signed: SignedCheckpoint) => Promise<void>;

/** Where events are sent, in the chain's order, each at least once. */
export interface Sink {
  /** The same after a restart: the store remembers under it what the sink has taken. */
  readonly name: string;
  /** `later`: it took none of them, and they are sent again. */
  send(
    events: readonly ChainedEvent[],
  ): Promise<{ readonly kind: 'taken' } | { readonly kind: 'later'; readonly why: string }>;
}
