import { DAY_MS } from '../../time/day.ts';
import { isObject, type Json } from '../json/json.ts';
import type { KeptCall } from './known-call.ts';

/** What a sample keeps of a call, in the clear: redacted as its card would be. */
export interface SampleContent extends KeptCall {
  readonly fingerprint: string;
  /** The principal's name. */
  readonly grant: string;
}

interface Named {
  readonly day: string;
  readonly server: string;
  readonly tool: string;
  readonly rank: string;
}

/**
 * A call's place in the order of its day. Fingerprints are keyed, so nobody without the key can tell or choose it; they are
 * turned by the day, so that it is not the same calls each day.
 */
export function sampleRank(day: string, fingerprint: string): string {
  const turn = ((Date.parse(day) / DAY_MS) * 7) % Math.max(1, fingerprint.length);
  return fingerprint.slice(turn) + fingerprint.slice(0, turn);
}

/** The name of a sample's row, to which its content is bound. */
export function sampleRow({ server, day, tool, rank }: Named): string {
  return JSON.stringify([server, day, tool, rank]);
}

/** What a sample says, if it is of this row; null: it is none. */
export function sampleContent(text: string, { day, rank }: Pick<Named, 'day' | 'rank'>): SampleContent | null {
  let read: Json;
  try {
    read = JSON.parse(text) as Json;
  } catch {
    return null;
  }
  if (!isObject(read)) return null;
  const { fingerprint, grant, arguments: args, sent } = read;
  if (typeof fingerprint !== 'string' || typeof grant !== 'string' || !isObject(args) || !isObject(sent)) return null;
  const { params, meta, headers } = sent;
  if (!isObject(params) || !isObject(meta) || !isObject(headers)) return null;
  if (sampleRank(day, fingerprint) !== rank) return null;
  return { fingerprint, grant, arguments: args, sent: { params, meta, headers } };
}
