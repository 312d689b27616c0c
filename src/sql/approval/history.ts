import { type RawBuilder, sql } from 'kysely';
import { isObject, type Json, member } from '../../domain/json/json.ts';
import type { Seals } from '../../ports.ts';
import { isAbout, isOfType } from '../log/about.ts';
import type { Db } from '../table/tables.ts';

/*
 * What the log says of an approval, by the texts of its events: their columns can be changed without breaking a seal. What
 * stops a call counts whoever wrote it, so that nothing runs in doubt; what lets one go counts with its seal only.
 */

/** The pass of an approval was never spent, as far as any event says. */
export function wasNeverSent(approval: string | RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`not exists (select 1 from holdfast.events e where ${isAbout(approval)} and ${isOfType(['call.dispatched'])})`;
}

const ENDS = [
  'approval.expired',
  'approval.withdrawn',
  'approval.lapsed',
  'approval.taken_back',
  'call.succeeded',
  'call.failed',
  'call.unknown',
];

/**
 * The log says by itself whether the question has ended: a row that was put back to before a no, its end or its lapse has
 * a true seal, and its votes are asked for, or believed, once more.
 */
export function hasNotEnded(approval: string | RawBuilder<unknown>): RawBuilder<unknown> {
  // In a canonical text this can only be the event's own member: inside a string the quotes are escaped.
  return sql`not exists (select 1 from holdfast.events e where ${isAbout(approval)} and (${isOfType(ENDS)}
    or (${isOfType(['approval.decided', 'approval.changed'])} and e.body like '%"state":"denied"%')))`;
}

/** Sendings of an approval's pass, and its returns, by which it is judged. */
const SENDINGS = ['call.dispatched', 'call.returned'];

/** The cursors of all events about an approval's sendings, as one text. */
export function sendingsAre(approval: string, cursors: string): RawBuilder<unknown> {
  return sql`(select string_agg(e.n::text, ',' order by e.n) from holdfast.events e
    where ${isAbout(approval)} and ${isOfType(SENDINGS)}) = ${cursors}`;
}

/**
 * Whether the pass came back as often as it was spent. Its cursors are returned, so that the commit finds the events that
 * were judged here; null: it did not. A return counts with its seal only, and once, however often it was copied.
 */
export async function sendingsIfReturned(db: Db, seals: Seals, approval: string): Promise<string | null> {
  const found = await sql<{ n: string; body: string; seal: string | null }>`
    select e.n, e.body, e.seal from holdfast.events e
    where ${isAbout(approval)} and ${isOfType(SENDINGS)} order by e.n`.execute(db);
  const sent = new Set<string>();
  const returned = new Set<string>();
  for (const { body, seal } of found.rows) {
    const event = JSON.parse(body) as Json;
    if (member(event, 'approval') !== approval) continue;
    const data = member(event, 'data');
    // The next round of a call that runs already is no sending of the pass.
    const isRound = isObject(data) && data.continues !== undefined;
    if (member(event, 'type') === 'call.dispatched') {
      if (!isRound) sent.add(`${body} ${seal}`);
    } else if (seals.fits('event', body, seal)) returned.add(`${body} ${seal}`);
  }
  return returned.size >= sent.size && sent.size > 0 ? found.rows.map(({ n }) => n).join(',') : null;
}
