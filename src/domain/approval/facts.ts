import type { SummaryPart } from '../policy/summary.ts';

/** What the server said when it was asked how things stand, or why nothing can be shown of it. */
export type Preview =
  | {
      readonly kind: 'said';
      readonly tool: string;
      /** The server's own text, with what the call hides and what looks secret replaced; at most `PREVIEW_BOUNDS.units`. */
      readonly text: string;
      /** UTF-16 units that were left out. */
      readonly omitted: number;
      /** The server calls its own answer an error. */
      readonly failed: boolean;
      readonly at: string;
    }
  /** `why`: in our own words, without a full stop. */
  | { readonly kind: 'none'; readonly tool: string; readonly why: string };

/** `units`: UTF-16 units that are kept of a text. `octets`: of an answer, beyond which nothing is read. `ms`: for all of it. */
export const PREVIEW_BOUNDS = { units: 4_000, octets: 256 * 1024, ms: 3_000 } as const;

/** What later calls of the same kind are compared with. */
export interface Particulars {
  /** Epoch ms at which the call was asked about. */
  readonly at: number;
  /** Whom or what it goes to, by the argument's path: the value as text. */
  readonly destinations: { readonly [path: string]: string };
  /** Canonical decimals, by the argument's path. */
  readonly amounts: { readonly [path: string]: string };
  /** Arguments that may be either, and were too many to be kept; absent: none. */
  readonly uncompared?: number;
  /** Paths of arguments that may be either, and are no value that can be compared: an object, an amount in words; absent: none. */
  readonly unlike?: readonly string[];
}

/** A sentence in our own words and in the call's. */
export type UnusualLine = readonly SummaryPart[];

/** What was found out about a call when its card was made; sealed, and never changed. */
export interface CallFacts {
  readonly unusual: readonly UnusualLine[];
  /** null: the policy asks for none. */
  readonly preview: Preview | null;
  readonly particulars: Particulars;
}

/** What a record says that does not fit its seal: nothing of it is believed. */
export function unbelievedFacts(at: Date): CallFacts {
  const why = 'the record of it was changed outside Holdfast';
  return {
    unusual: [
      [{ text: 'What was found unusual of this call cannot be shown: its record was changed outside Holdfast' }],
    ],
    preview: { kind: 'none', tool: '', why },
    particulars: { at: at.getTime(), destinations: {}, amounts: {} },
  };
}
