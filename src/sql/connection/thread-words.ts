import type { StatementResult } from './embedded-database.ts';

/** What is said to the thread of an embedded database, and what it says. */
export type ToThread =
  | {
      readonly id: number;
      readonly kind: 'query' | 'exec';
      readonly text: string;
      readonly params?: unknown[];
      readonly options?: {
        readonly rowMode?: 'array' | 'object';
        /** OIDs of types whose values stay text. */
        readonly unparsed: readonly number[];
      };
    }
  | { readonly id: number; readonly kind: 'close'; readonly text: '' }
  | { readonly id: number; readonly kind: 'collect'; readonly text: '' };

export type FromThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'not_started'; readonly error: SentError }
  /** The database ended itself; nothing more will be answered. */
  | { readonly kind: 'died'; readonly error: SentError }
  | { readonly kind: 'notification'; readonly channel: string; readonly payload: string }
  | { readonly kind: 'done'; readonly id: number; readonly results: StatementResult[] }
  | { readonly kind: 'failed'; readonly id: number; readonly error: SentError };

/** An error without what cannot travel between threads. */
export interface SentError {
  readonly message: string;
  readonly stack: string | null;
  /** Its other members that are text, numbers or booleans. */
  readonly members: Readonly<Record<string, unknown>>;
}

export function sentError(error: unknown): SentError {
  if (!(error instanceof Error)) return { message: String(error), stack: null, members: {} };
  const plain = Object.entries(error).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value));
  return { message: error.message, stack: error.stack ?? null, members: Object.fromEntries(plain) };
}
