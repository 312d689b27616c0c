import { isObject, type Json, member } from '../json/json.ts';
import { checkpointLine, type SignedCheckpoint } from './checkpoint.ts';
import { type ChainStart, readStart } from './cut.ts';
import { type Disclosed, readDisclosed } from './enclosed.ts';
import type { Link } from './evidence.ts';

/**
 * One line of an export. An export is a header, then each event followed by its card (if cards were asked for), by what is enclosed in
 * it (if that was asked for) and by the checkpoints that vouch for it, then the events that are not sealed yet, then an end.
 */
export type ExportLine =
  /**
   * `log`: the log's id; null in exports from before there were any. `start`: where the log was cut, and the events begin;
   * null: with the first.
   */
  | {
      readonly kind: 'header';
      readonly keys: readonly string[];
      readonly at: Date | null;
      readonly log: string | null;
      readonly start: ChainStart | null;
    }
  | { readonly kind: 'event'; readonly link: Link }
  | { readonly kind: 'checkpoint'; readonly signed: SignedCheckpoint }
  /** What was on the card that the event before it names. */
  | { readonly kind: 'card'; readonly digest: string; readonly content: string }
  /** What is enclosed in the event before it. */
  | { readonly kind: 'disclosed'; readonly disclosed: Disclosed }
  /** Counts of what comes before it. A file without this line was cut off. */
  | { readonly kind: 'end'; readonly events: number; readonly unsealed: number }
  | { readonly kind: 'unreadable' };

/** Writes JSON Lines; canonical texts are included exactly as they were hashed and signed. */
export const exportLine = {
  header: (at: Date, keys: readonly string[], log: string | null, start: ChainStart | null = null): string =>
    JSON.stringify({
      ...{ holdfast: 'audit-export', v: 1, at: at.toISOString(), log, keys },
      ...(start !== null && { start }),
    }),
  event: ({ n, seq, hash, text }: Link & { n: number }): string =>
    `{"n":${n},"seq":${seq},"hash":${hash === null ? 'null' : `"${hash}"`},"event":${text}}`,
  checkpoint: checkpointLine,
  card: (digest: string, content: string): string => JSON.stringify({ card: digest, content }),
  disclosed: ({ commitment, salt, data }: Disclosed): string =>
    JSON.stringify({ disclosed: { commitment, salt, data } }),
  end: (events: number, unsealed: number, checkpoints: number): string =>
    JSON.stringify({ end: { events, unsealed, checkpoints } }),
} as const;

const EVENT = /^\{"n":\d+,"seq":(\d{1,16}|null),"hash":(?:"([0-9a-f]{64})"|null),"event":/;
const CHECKPOINT = /^\{"checkpoint":(\{[^{}]*\}),"signature":"([0-9a-f]*)"\}$/;

/** Canonical texts are cut out of the line, not parsed and written again: what is verified is what the file holds. */
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

/** When the export was made; null: the header does not say. */
function timeIn(header: Json): Date | null {
  const at = member(header, 'at');
  const time = typeof at === 'string' ? new Date(at) : null;
  return time === null || Number.isNaN(time.getTime()) ? null : time;
}

function readFrame(line: string): ExportLine {
  let parsed: Json;
  try {
    parsed = JSON.parse(line) as Json;
  } catch {
    return { kind: 'unreadable' };
  }
  const keys = member(parsed, 'keys');
  if (member(parsed, 'holdfast') === 'audit-export' && Array.isArray(keys)) {
    const log = member(parsed, 'log');
    return {
      kind: 'header',
      keys: keys.filter((key) => typeof key === 'string'),
      at: timeIn(parsed),
      log: typeof log === 'string' ? log : null,
      start: readStart(member(parsed, 'start')),
    };
  }
  const [digest, content] = [member(parsed, 'card'), member(parsed, 'content')];
  if (typeof digest === 'string' && typeof content === 'string') return { kind: 'card', digest, content };
  const disclosed = readDisclosed(member(parsed, 'disclosed') ?? null);
  if (disclosed !== null) return { kind: 'disclosed', disclosed };
  const end = member(parsed, 'end');
  if (!isObject(end)) return { kind: 'unreadable' };
  return { kind: 'end', events: Number(member(end, 'events')), unsealed: Number(member(end, 'unsealed')) };
}
