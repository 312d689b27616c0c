import type { Approval } from '../domain/approval/approval.ts';
import type { ErasedRow, EraseRefusal } from '../domain/approval/erase.ts';
import type { Erasure } from '../domain/call/erasure.ts';
import type { NewEvent } from '../domain/log/event.ts';

/** What is kept of the key under which the log tells of an approval's call. */
export interface KeptKey {
  /** The key, wrapped; null: there is none, or it was destroyed. */
  readonly key: Uint8Array | null;
  /** What the log, or the record in the key's place, says; null: nobody erased it. */
  readonly erasure: Erasure | null;
}

/** What an erasure did. */
export interface ErasedData {
  /** Cards of which what they showed was kept. */
  readonly cards: number;
  /** Events of it that are readable no longer. */
  readonly enclosed: number;
  /** Events of it that were written in the clear: they stay in the log. */
  readonly clear: number;
}

export type EraseOutcome =
  | { readonly kind: 'erased'; readonly data: ErasedData; readonly approval: Approval | null }
  | { readonly kind: 'refused'; readonly why: EraseRefusal }
  | { readonly kind: 'not_found' };

export interface EraseOrder {
  readonly approval: string;
  readonly erasure: Erasure;
  judge(approval: Approval, row: ErasedRow): EraseRefusal | null;
  /** `approval`: as it was; null: only its events are there. */
  event(approval: Approval | null, data: ErasedData): NewEvent;
}

/** An approval whose call has a searched text in it. */
export type MatchingApproval = Pick<Approval, 'createdAt' | 'grant' | 'id' | 'server' | 'state' | 'tool'>;

/** Keys of what can be erased, one for each approval, and its erasure. Throws `Unavailable('store')`. */
export interface Erasures {
  /** Of these approvals; one of which nothing is known is missing. */
  keys(approvals: readonly string[]): Promise<ReadonlyMap<string, KeptKey>>;
  /**
   * In one transaction: destroys the key, removes what the approval's row, its cards and its tasks say of the call, and writes
   * the event. Who was asked, who decided and what became of it stays.
   */
  erase(order: EraseOrder): Promise<EraseOutcome>;
  /**
   * Of the `among` approvals before `before` (null: of the newest), newest first: those that have this text in what is shown of their call,
   * and were not erased. `next`: where the next page begins; null: there are no more.
   */
  matching(
    text: string,
    page: { readonly before: string | null; readonly among: number },
  ): Promise<{ readonly found: readonly MatchingApproval[]; readonly next: string | null }>;
  /**
   * Wraps anew keys that an older secret wrapped, and seals anew what stands in the place of destroyed ones; at most so many. How many
   * it renewed. `wrap`: null where no listed secret opens it.
   */
  renew(limit: number, wrap: (approval: string, key: Uint8Array) => Uint8Array | null): Promise<number>;
}
