import { sql } from 'kysely';
import { type Json, member } from '../../domain/json/json.ts';
import type { Seals } from '../../ports.ts';
import { type DecidingType, decidingEvents, eventTextOf, isOwnEvent, timeIn } from '../log/deciding.ts';
import type { Db } from '../table/tables.ts';

export type EndingType = Extract<DecidingType, 'key.revoked' | 'key.suspended' | 'token.revoked' | 'token.suspended'>;

/** That a passkey or a token is over, or good for nothing before its owner signs in again (`token.suspended`). */
export interface LoggedEnd {
  readonly id: string;
  readonly type: EndingType;
  readonly at: Date;
  /** Who ended it, as the row says it. */
  readonly by: string;
  /** A gateway wrote the event that says so. */
  readonly isOwn: boolean;
}

/** What the log says has ended, by the texts of its events, those first that a gateway wrote. */
export async function loggedEnds(db: Db, seals: Seals, types: readonly EndingType[]): Promise<readonly LoggedEnd[]> {
  const found = await decidingEvents(db, types, sql`true`, sql`e.n`);
  const ends = found.flatMap((row): LoggedEnd[] => {
    const event = eventTextOf(row);
    const type = types.find((each) => each === member(event, 'type'));
    if (type === undefined) return [];
    const by = String(member(event, 'actor')).replace(/^(slack|login):/, '');
    const isOwn = isOwnEvent(seals, row);
    return idsIn(type, member(event, 'data') ?? null).map((id) => ({ id, type, at: timeIn(event), by, isOwn }));
  });
  return ends.toSorted((one, other) => Number(other.isOwn) - Number(one.isOwn));
}

function idsIn(type: EndingType, data: Json): readonly string[] {
  const named =
    type === 'token.suspended' ? member(data, 'ids') : [member(data, type === 'token.revoked' ? 'id' : 'key')];
  return Array.isArray(named) ? named.filter((id) => typeof id === 'string') : [];
}
