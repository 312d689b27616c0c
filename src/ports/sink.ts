import type { SignedCheckpoint } from '../domain/checkpoint.ts';
import type { ChainedEvent } from './ledger.ts';

/** Keeps a checkpoint out of reach of whoever has the database. What it throws is told in the log and stops nothing. */
export type Witness = (signed: SignedCheckpoint) => Promise<void>;

/** Where events are handed on to, in the chain's order, at least once each. */
export interface Sink {
  /** Stable over restarts; what it has taken is remembered under it. */
  readonly name: string;
  /** `later`: it was not taken, and is offered again. */
  send(
    events: readonly ChainedEvent[],
  ): Promise<{ readonly kind: 'taken' } | { readonly kind: 'later'; readonly why: string }>;
}
