import { sql } from 'kysely';
import { isObject, type Json, member } from '../../domain/json/json.ts';
import { type KeyEvent, readKeyEvent } from '../../domain/log/key-change.ts';
import type { Seals } from '../../ports.ts';
import type { Db } from '../table/tables.ts';

/** Events about keys that are read: one for each rotation. */
export const MOST_KEY_EVENTS = 10_000;

/**
 * What the chain's events up to this place say about keys, in order, and which secrets' seals they call retired. Only
 * events that a listed secret sealed count, or one that they call retired. `seals`: null: all of them count.
 */
export async function readKeyEvents(
  db: Db,
  seals: Seals | null,
  upTo: number,
): Promise<{ readonly events: KeyEvent[]; readonly retired: string[] }> {
  const found = await sql<{ body: string; seal: string | null }>`
    select body, seal from holdfast.events
    where type in ('seals.began', 'key.changed') and seq <= ${String(upTo)}::bigint order by seq limit ${MOST_KEY_EVENTS}`.execute(
    db,
  );
  const retired = new Set<string>();
  const events: KeyEvent[] = [];
  // Newest first: each change names all secrets before it, and so who sealed the events before it.
  for (const { body, seal } of found.rows.toReversed()) {
    const event = readKeyEvent(body);
    if (event === null) continue;
    // It names its log itself: these are read before it is known which one it is.
    const isOurs = seals === null || seals.fitsIn(event.log, 'event', body, seal);
    if (!isOurs && !retired.has((seal ?? '').slice(0, PREFIX))) continue;
    events.unshift(event);
    if (event.kind === 'changed') for (const prefix of retiredIn(body)) retired.add(prefix);
  }
  return { events, retired: [...retired] };
}

/** Characters of a seal that tell its version and the secret's id. */
const PREFIX = 9;

function retiredIn(body: string): string[] {
  const data = member(JSON.parse(body) as Json, 'data');
  const list = isObject(data) ? member(data, 'retired') : null;
  return Array.isArray(list) ? list.filter((one) => typeof one === 'string') : [];
}
