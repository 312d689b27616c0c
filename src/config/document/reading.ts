import type { Json } from '../../domain/json/json.ts';
import type { Key } from './fault.ts';

/** Levels that maps and lists may nest. */
export const DEEPEST = 64;

/** The reading of a text: its value and the places of its parts, or everything that is wrong with it. */
export type TextReading =
  | {
      readonly ok: true;
      readonly value: Json;
      readonly place: (path: readonly Key[]) => TextPlace | null;
      /** Values that are not exactly what is written. */
      readonly inexact: readonly InexactPlace[];
    }
  | { readonly ok: false; readonly problems: readonly TextProblem[] };

/** Where a value and its key are in the text, as offsets. For a value without a key both are the value's. */
export interface TextPlace {
  readonly key: number;
  readonly value: number;
}

/** A number that a double cannot keep, or text that is not well-formed Unicode. */
export interface InexactPlace {
  readonly offset: number;
  readonly path: readonly Key[];
  /** The number as it is written; null for text. */
  readonly written: string | null;
}

/** Something that is wrong with the text itself. */
export interface TextProblem {
  readonly offset: number;
  readonly path: readonly Key[];
  readonly message: string;
  readonly expected: string;
}
