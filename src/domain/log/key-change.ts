import { isObject, type Json, member } from '../json/json.ts';

/** The event `key.changed`: from here on another key signs the log. */
export interface KeyChange {
  /** The log's id. */
  readonly log: string;
  /** The public key that signed until now, 64 hex digits; null: it is not known. */
  readonly from: string | null;
  /** The public key that signs from now on. */
  readonly to: string;
  /** By `from` over `keyChangeText`, hex; null: whoever changed the key did not have the one before. */
  readonly signature: string | null;
}

/** What an event of the log says about keys. */
export type KeyEvent =
  /** The log's id, and the key that signs it from here on; null: a log from before keys were recorded. */
  | { readonly kind: 'began'; readonly log: string; readonly key: string | null }
  | ({ readonly kind: 'changed' } & KeyChange);

/** What the key before signs. It is good for one change in one log: no key ever comes back. RFC 8785. */
export function keyChangeText({ log, from, to }: Pick<KeyChange, 'from' | 'log' | 'to'>): string {
  return JSON.stringify({ from, log, to, v: 1, what: 'holdfast key.changed' });
}

const BEGAN = '"type":"seals.began"}';
const CHANGED = '"type":"key.changed"}';

/** Reads an event's canonical text; null: it is about something else, or is not what a gateway writes. */
export function readKeyEvent(text: string): KeyEvent | null {
  const kind = text.endsWith(BEGAN) ? 'began' : text.endsWith(CHANGED) ? 'changed' : null;
  if (kind === null) return null;
  const data = dataOf(text);
  const log = member(data, 'log');
  if (typeof log !== 'string') return null;
  if (kind === 'began') return { kind, log, key: textIn(data, 'key') };
  const to = textIn(data, 'to');
  return to === null ? null : { kind, log, from: textIn(data, 'from'), to, signature: textIn(data, 'signature') };
}

function dataOf(text: string): Json {
  try {
    return member(JSON.parse(text) as Json, 'data') ?? null;
  } catch {
    return null;
  }
}

function textIn(data: Json, name: string): string | null {
  const value = isObject(data) ? member(data, name) : null;
  return typeof value === 'string' ? value : null;
}

/** Which keys the log says were in force, as a gateway needs it that has checked the events' seals already. */
export interface Succession {
  readonly log: string | null;
  /** The key that signs now; null: none is recorded. */
  readonly inForce: string | null;
  /** Keys that signed before and never will again. */
  readonly ended: ReadonlySet<string>;
}

/** Follows the log's own words, in the chain's order. */
export function successionOf(events: readonly KeyEvent[]): Succession {
  let log: string | null = null;
  let inForce: string | null = null;
  const ended = new Set<string>();
  for (const event of events) {
    log ??= event.log;
    const next = event.kind === 'began' ? event.key : event.to;
    if (next === null || next === inForce || ended.has(next)) continue;
    if (event.kind === 'began' && inForce !== null) continue;
    if (inForce !== null) ended.add(inForce);
    else if (event.kind === 'changed' && event.from !== null) ended.add(event.from);
    inForce = next;
  }
  return { log, inForce, ended };
}
