import { canonical } from '../json/canonical.ts';
import { isObject, type Json, member } from '../json/json.ts';
import { type Cut, readKeys } from './cut.ts';
import type { KeyEvent } from './key-change.ts';

/**
 * What the signed head of a segment says. A segment is a stretch of the log that leaves the database: an export of the events
 * `from` to `to` with their checkpoints, packed. Its head is signed by the key in force when it was written.
 */
export interface SegmentHead extends Pick<Cut, 'before' | 'checkpoint' | 'from' | 'last' | 'log' | 'segment' | 'to'> {
  /** When `from` and `to` happened, ISO 8601. */
  readonly first: string;
  readonly until: string;
  readonly events: number;
  readonly checkpoints: number;
  /** The name of the file beside the head, its octets and its SHA-256; `unpacked`: octets of its lines. */
  readonly file: string;
  readonly octets: number;
  readonly sha256: string;
  readonly unpacked: number;
  /** SHA-256 of the head before it; null: it is the first, or the one before was not kept. */
  readonly previous: string | null;
  /** What the log said of keys up to `to`. */
  readonly keys: readonly KeyEvent[];
  /** When it was written, ISO 8601, and the Ed25519 public key that signed it. */
  readonly at: string;
  readonly key: string;
}

/** A head as it is kept: its canonical text, and the signature over it. */
export interface SignedHead {
  readonly text: string;
  /** Ed25519 over the text, hex. */
  readonly signature: string;
}

const WHAT = 'holdfast segment';

/** RFC 8785. */
export function segmentText(head: SegmentHead): string {
  return canonical({ ...head, what: WHAT, v: 1 } as unknown as Json);
}

/** One line; the text is included exactly as it was signed. */
export function segmentLine({ text, signature }: SignedHead): string {
  return `{"segment":${text},"signature":"${signature}"}\n`;
}

const HEAD = '{"segment":';
const TAIL = /,"signature":"([0-9a-f]{128})"\}$/;

/** The text is cut out of the line, not parsed and written again. null: it is no line of a head. */
export function readSegmentLine(line: string): SignedHead | null {
  const whole = line.trimEnd();
  const tail = TAIL.exec(whole.slice(-160));
  if (!whole.startsWith(HEAD) || tail === null) return null;
  return { text: whole.slice(HEAD.length, whole.length - tail[0].length), signature: tail[1]! };
}

/** null: it is not the text of a head of a version that is known. */
export function readSegmentHead(text: string): SegmentHead | null {
  let parsed: Json;
  try {
    parsed = JSON.parse(text) as Json;
  } catch {
    return null;
  }
  if (!isObject(parsed) || member(parsed, 'what') !== WHAT || member(parsed, 'v') !== 1) return null;
  const { segment, from, to, events, checkpoints, octets, unpacked, previous, keys } = parsed;
  const numbers = [segment, from, to, events, checkpoints, octets, unpacked];
  if (!numbers.every((value) => Number.isSafeInteger(value) && (value as number) > 0)) return null;
  const texts = ['log', 'before', 'last', 'checkpoint', 'first', 'until', 'file', 'sha256', 'at', 'key'];
  if (!texts.every((name) => typeof member(parsed, name) === 'string')) return null;
  // A name of a file, never a way to another folder.
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(String(parsed.file))) return null;
  if (previous !== null && typeof previous !== 'string') return null;
  return { ...(parsed as unknown as SegmentHead), keys: readKeys(keys) };
}
