import { type RawBuilder, sql } from 'kysely';
import { type Json, member } from '../../domain/json/json.ts';
import type { EventType } from '../../domain/log/event.ts';
import type { Seals } from '../../ports.ts';
import type { Db } from '../table/tables.ts';

/** Events by which something is stopped, let go, ended or recognised: few of them, and found by indexes over their texts. */
export type DecidingType = Extract<
  EventType,
  | 'freeze.lifted'
  | 'freeze.set'
  | 'grant.revoked'
  | 'key.changed'
  | 'key.revoked'
  | 'key.suspended'
  | 'seals.began'
  | 'store.accepted'
  | 'token.revoked'
  | 'token.suspended'
>;

/** What is read of such an event: its columns can be changed without breaking a seal, and are not. */
export interface DecidingEvent {
  readonly n: string;
  readonly seq: string | null;
  readonly body: string;
  readonly seal: string | null;
  /** It is chained, and its hash follows from the hash before it and its text. */
  readonly linked: boolean;
}

/** The columns of a `DecidingEvent` of event `e`. */
export const DECIDING = sql.raw(`e.n, e.seq, e.body, e.seal, coalesce(e.hash = encode(sha256(convert_to(
  coalesce((select p.hash from holdfast.events p where p.seq = e.seq - 1),
    (select l.previous from holdfast.links l where l.seq = e.seq), case e.seq when 1 then repeat('0', 64) end)
  || E'\\n' || e.seq || E'\\n' || e.body, 'UTF8')), 'hex'), false) as linked`);

/** Whether the text of event `e` says that it is of one of these types; as the index has it, `events_that_decide` or `events_that_end`, so not types of both. */
export function saysType(types: readonly DecidingType[]): RawBuilder<unknown> {
  const ends = types.map((type) => sql.lit(`${type}"}`));
  return sql`split_part(right(e.body, 48), '"type":"', 2) in (${sql.join(ends)})`;
}

/** `which`: further conditions on `e`; `order`: in which they come. */
export async function decidingEvents(
  db: Db,
  types: readonly DecidingType[],
  which: RawBuilder<unknown>,
  order: RawBuilder<unknown>,
): Promise<readonly DecidingEvent[]> {
  const found = await sql<DecidingEvent>`
    select ${DECIDING} from holdfast.events e where ${saysType(types)} and ${which} order by ${order}`.execute(db);
  return found.rows;
}

/**
 * Whether a gateway wrote this event: by its seal, or, where that is of a secret that is listed no longer, by its place in
 * the chain before that secret's end.
 */
export function isOwnEvent(seals: Seals, { body, seal, seq, linked }: DecidingEvent): boolean {
  return seals.fits('event', body, seal) || (linked && seq !== null && seals.wasGood(seal, Number(seq)));
}

/** The text, read; null: somebody wrote what is no JSON. */
export function eventTextOf({ body }: Pick<DecidingEvent, 'body'>): Json {
  try {
    return JSON.parse(body) as Json;
  } catch {
    return null;
  }
}

/** When an event says that it happened; 1970 where it says nothing. */
export function timeIn(event: Json): Date {
  const at = new Date(String(member(event, 'at')));
  return Number.isNaN(at.getTime()) ? new Date(0) : at;
}
