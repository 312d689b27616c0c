import type { Link } from './chain.ts';
import { checkpointLine, type SignedCheckpoint } from './checkpoint.ts';
import { isObject, type Json, member } from './json.ts';

/**
 * An export, line by line: a header, each event with its card, if it is asked for, and its checkpoints after it, what is
 * not sealed yet, an end.
 */
export type ExportLine =
  | { readonly kind: 'header'; readonly keys: readonly string[] }
  | { readonly kind: 'event'; readonly link: Link }
  | { readonly kind: 'checkpoint'; readonly signed: SignedCheckpoint }
  /** What the card showed that the event before it names. */
  | { readonly kind: 'card'; readonly digest: string; readonly content: string }
  /** What was written before it; without it the file was cut off. */
  | { readonly kind: 'end'; readonly events: number; readonly unsealed: number }
  | { readonly kind: 'unreadable' };

/** JSON Lines; the canonical texts stand in them as they were hashed and signed. */
export const exportLine = {
  header: (at: Date, keys: readonly string[]): string =>
    JSON.stringify({ holdfast: 'audit-export', v: 1, at: at.toISOString(), keys }),
  event: ({ n, seq, hash, text }: Link & { n: number }): string =>
    `{"n":${n},"seq":${seq},"hash":${hash === null ? 'null' : `"${hash}"`},"event":${text}}`,
  checkpoint: checkpointLine,
  card: (digest: string, content: string): string => JSON.stringify({ card: digest, content }),
  end: (events: number, unsealed: number, checkpoints: number): string =>
    JSON.stringify({ end: { events, unsealed, checkpoints } }),
} as const;

const EVENT = /^\{"n":\d+,"seq":(\d{1,16}|null),"hash":(?:"([0-9a-f]{64})"|null),"event":/;
const CHECKPOINT = /^\{"checkpoint":(\{[^{}]*\}),"signature":"([0-9a-f]*)"\}$/;

/** Texts are cut out, not parsed and written again: what is verified is what stands there. */
export function readExportLine(line: string): ExportLine {
  const event = EVENT.exec(line);
  if (event !== null && line.endsWith('}')) {
    const seq = event[1] === 'null' ? null : Number(event[1]);
    const link = { seq, hash: event[2] ?? null, text: line.slice(event[0].length, -1), agrees: true };
    return { kind: 'event', link };
  }
  const checkpoint = CHECKPOINT.exec(line);
  if (checkpoint !== null) {
    return { kind: 'checkpoint', signed: { text: checkpoint[1]!, signature: checkpoint[2]! } };
  }
  return readFrame(line);
}

function readFrame(line: string): ExportLine {
  let said: Json;
  try {
    said = JSON.parse(line) as Json;
  } catch {
    return { kind: 'unreadable' };
  }
  const keys = member(said, 'keys');
  if (member(said, 'holdfast') === 'audit-export' && Array.isArray(keys)) {
    return { kind: 'header', keys: keys.filter((key) => typeof key === 'string') };
  }
  const [digest, content] = [member(said, 'card'), member(said, 'content')];
  if (typeof digest === 'string' && typeof content === 'string') return { kind: 'card', digest, content };
  const end = member(said, 'end');
  if (!isObject(end)) return { kind: 'unreadable' };
  return { kind: 'end', events: Number(member(end, 'events')), unsealed: Number(member(end, 'unsealed')) };
}
