import type { Json } from '../../domain/json/json.ts';
import type { Key } from './fault.ts';

/** Levels that maps and lists may nest. */
export const DEEPEST = 64;

/** The reading of a text: its value and the places of its parts, or everything that is wrong with it. */
export type TextReading =
  | { readonly ok: true; readonly value: Json; readonly place: (path: readonly Key[]) => TextPlace | null }
  | { readonly ok: false; readonly problems: readonly TextProblem[] };

/** Where a value and its key are in the text, as offsets. For a value without a key both are the value's. */
export interface TextPlace {
  readonly key: number;
  readonly value: number;
}

/** Something that is wrong with the text itself. */
export interface TextProblem {
  readonly offset: number;
  readonly path: readonly Key[];
  readonly message: string;
  readonly expected: string;
}
