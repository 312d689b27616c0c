import { sql } from 'kysely';
import { isObject, type Json, member } from '../../domain/json/json.ts';
import type { Seals } from '../../ports.ts';
import { decidingEvents, eventTextOf, isOwnEvent, timeIn } from '../log/deciding.ts';
import type { Db, FreezeTable } from '../table/tables.ts';

export type LoggedFreeze = Pick<FreezeTable, 'by' | 'id' | 'name' | 'reason' | 'scope'> & {
  readonly since: Date;
  readonly seal: null;
  /** A gateway wrote the event that says so. */
  readonly isOwn: boolean;
};

/**
 * The freezes that the log says were set since this cursor, and neither lifted nor accepted as gone, by the texts of its
 * events. That one was set is taken from any event, since it only stops; the rest from events of a gateway's only. What
 * an operator accepted names the freezes that were in force then.
 */
export async function loggedFreezes(db: Db, seals: Seals, after: number): Promise<readonly LoggedFreeze[]> {
  const found = await decidingEvents(
    db,
    ['freeze.set', 'freeze.lifted', 'store.accepted'],
    sql`e.n > ${String(after)}::bigint`,
    sql`e.n`,
  );
  const frozen = new Map<string, LoggedFreeze>();
  for (const row of found) {
    const event = eventTextOf(row);
    const isOwn = isOwnEvent(seals, row);
    const type = member(event, 'type');
    const data = member(event, 'data') ?? null;
    if (type === 'store.accepted' && isOwn) keepOnly(frozen, member(data, 'freezes'));
    const id = member(data, 'id');
    if (typeof id !== 'string') continue;
    if (type === 'freeze.lifted' && isOwn) frozen.delete(id);
    if (type !== 'freeze.set' || frozen.get(id)?.isOwn) continue;
    const set = freezeIn(id, event, isOwn);
    if (set !== null) frozen.set(id, set);
  }
  return [...frozen.values()];
}

/** What is accepted by a release that names none is gone. */
function keepOnly(frozen: Map<string, LoggedFreeze>, ids: Json | undefined): void {
  const inForce = new Set(Array.isArray(ids) ? ids : []);
  for (const id of frozen.keys()) if (!inForce.has(id)) frozen.delete(id);
}

function freezeIn(id: string, event: Json, isOwn: boolean): LoggedFreeze | null {
  const data = member(event, 'data') ?? null;
  const [scope, name] = [member(data, 'scope'), member(data, 'name')];
  if (!isObject(data) || !isScope(scope)) return null;
  return {
    ...{ id, scope, name: typeof name === 'string' ? name : null, reason: String(member(data, 'reason')) },
    by: String(member(event, 'actor')).replace(/^(slack|login):/, ''),
    since: timeIn(event),
    seal: null,
    isOwn,
  };
}

function isScope(scope: unknown): scope is FreezeTable['scope'] {
  return scope === 'all' || scope === 'server' || scope === 'grant';
}
