import { isObject, type Json, type JsonObject, member } from '../json/json.ts';
import type { KeyEvent } from './key-change.ts';

/** What the event `log.cut` says: events up to `to` leave the database, and where they are. */
export interface Cut {
  /** The log's id. */
  readonly log: string;
  /** 1 for the first. */
  readonly segment: number;
  /** The first and the last event that leave. `to` is the place of a checkpoint. */
  readonly from: number;
  readonly to: number;
  /** The hash before `from`, and that of `to`. */
  readonly before: string;
  readonly last: string;
  /** SHA-256 of the text of the checkpoint of `to`. */
  readonly checkpoint: string;
  /** When `to` happened, ISO 8601. */
  readonly until: string;
  /** SHA-256 of the head of the segment that holds them; null: nothing was kept. */
  readonly head: string | null;
}

/** A cut, and the place of its event in the chain. */
export interface LoggedCut extends Cut {
  readonly seq: number;
}

/** Where reading begins, if not with the log's first event. */
export interface ChainStart {
  /** The last event before it, and its hash. */
  readonly seq: number;
  readonly hash: string;
  /** SHA-256 of the text of that event's checkpoint; null: it is not known. */
  readonly checkpoint: string | null;
  /** What the log said of keys up to there. */
  readonly keys: readonly KeyEvent[];
}

/** How the text of every such event ends. */
export const CUT_END = '"type":"log.cut"}';

const HASH = /^[0-9a-f]{64}$/;

/** Reads an event's canonical text; null: it is about something else, or is not what a gateway writes. */
export function readCut(text: string): Cut | null {
  if (!text.endsWith(CUT_END)) return null;
  const data = dataOf(text);
  const { log, segment, from, to, before, last, checkpoint, until, head } = data;
  if (typeof log !== 'string' || typeof until !== 'string') return null;
  if (!isPlace(segment) || !isPlace(from) || !isPlace(to) || from > to) return null;
  if (!isHash(before) || !isHash(last) || !isHash(checkpoint)) return null;
  if (head !== null && !isHash(head)) return null;
  return { log, segment, from, to, before, last, checkpoint, until, head };
}

/** Where reading goes on after a cut. `keys`: what the log said of keys up to there. */
export function startAfter(cut: Pick<Cut, 'checkpoint' | 'last' | 'to'>, keys: readonly KeyEvent[]): ChainStart {
  return { seq: cut.to, hash: cut.last, checkpoint: cut.checkpoint, keys };
}

/** As the header of an export has it; null: it has none, or one that nobody can read. */
export function readStart(found: Json | undefined): ChainStart | null {
  if (found === undefined || !isObject(found)) return null;
  const { seq, hash, checkpoint, keys } = found;
  if (!isPlace(seq) || !isHash(hash) || !isHash(checkpoint)) return null;
  return { seq, hash, checkpoint, keys: readKeys(keys) };
}

/** What is no word about a key says nothing. */
export function readKeys(list: Json | undefined): readonly KeyEvent[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((one): KeyEvent[] => {
    if (!isObject(one)) return [];
    const { kind, log, key = null, from = null, to, signature = null } = one;
    if (typeof log !== 'string') return [];
    if (kind === 'began') return [{ kind, log, key: textOrNull(key) }];
    if (kind !== 'changed' || typeof to !== 'string') return [];
    return [{ kind, log, from: textOrNull(from), to, signature: textOrNull(signature) }];
  });
}

function dataOf(text: string): JsonObject {
  try {
    const data = member(JSON.parse(text) as Json, 'data');
    return data !== undefined && isObject(data) ? data : {};
  } catch {
    return {};
  }
}

const textOrNull = (value: Json): string | null => (typeof value === 'string' ? value : null);
const isHash = (value: Json | undefined): value is string => typeof value === 'string' && HASH.test(value);
const isPlace = (value: Json | undefined): value is number => Number.isSafeInteger(value) && (value as number) > 0;
