import { sql } from 'kysely';
import { isObject, type Json, member } from '../../domain/json/json.ts';
import { type KeyEvent, readKeyEvent } from '../../domain/log/key-change.ts';
import type { Seals } from '../../ports.ts';
import type { Db } from '../table/tables.ts';
import { decidingEvents } from './deciding.ts';

/** Events about keys that are read: one for each rotation. */
export const MOST_KEY_EVENTS = 10_000;

/**
 * What the chain's events up to this place say about keys, in order, and which secrets' seals they call retired, each with
 * the place of the first event that does. Only events that a listed secret sealed count, or one that they call retired,
 * before its end. `seals`: null: all of them count.
 */
export async function readKeyEvents(
  db: Db,
  seals: Seals | null,
  upTo: number,
): Promise<{ readonly events: KeyEvent[]; readonly retired: ReadonlyMap<string, number> }> {
  const found = await decidingEvents(
    db,
    ['seals.began', 'key.changed'],
    sql`e.seq <= ${String(upTo)}::bigint`,
    sql`e.seq limit ${MOST_KEY_EVENTS}`,
  );
  const retired = new Map<string, number>();
  const events: KeyEvent[] = [];
  // Newest first: each change names all secrets before it, and so who sealed the events before it.
  for (const { body, seal, seq, linked } of found.toReversed()) {
    const event = readKeyEvent(body);
    if (event === null) continue;
    const place = Number(seq);
    // It names its log itself: these are read before it is known which one it is.
    const isOurs = seals === null || seals.fitsIn(event.log, 'event', body, seal);
    const wasOurs = linked && place < (retired.get((seal ?? '').slice(0, PREFIX)) ?? 0);
    if (!isOurs && !wasOurs) continue;
    events.unshift(event);
    if (event.kind === 'changed') for (const prefix of retiredIn(body)) retired.set(prefix, place);
  }
  return { events, retired };
}

/** Characters of a seal that tell its version and the secret's id. */
const PREFIX = 9;

function retiredIn(body: string): string[] {
  const data = member(JSON.parse(body) as Json, 'data');
  const list = isObject(data) ? member(data, 'retired') : null;
  return Array.isArray(list) ? list.filter((one) => typeof one === 'string') : [];
}
