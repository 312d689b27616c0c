import { sql } from 'kysely';
import type { Seals } from '../../ports.ts';
import type { Db, FreezeTable } from '../table/tables.ts';

type LoggedFreeze = Pick<FreezeTable, 'by' | 'id' | 'name' | 'reason' | 'scope'> & { since: Date; seal: null };

/**
 * The freezes that the log says were set since this cursor, and neither lifted nor accepted as gone. That one was set is
 * taken from any event, since it only stops; the rest from events of a gateway's only.
 */
export async function loggedFreezes(db: Db, seals: Seals, after: number): Promise<readonly LoggedFreeze[]> {
  const found = await sql<{ type: string; body: string; seal: string | null; actor: string; at: Date }>`
    select type, body, seal, actor, at from holdfast.events
    where type in ('freeze.set', 'freeze.lifted', 'store.accepted') and n > ${after} order by n`.execute(db);
  const frozen = new Map<string, LoggedFreeze>();
  for (const { type, body, seal, actor, at } of found.rows) {
    if (type !== 'freeze.set') {
      if (!seals.fits('event', body, seal) && seals.maker(seal) !== 'retired') continue;
      if (type === 'store.accepted') frozen.clear();
    }
    const { id, scope, name, reason } = (JSON.parse(body) as { data: Partial<Record<string, unknown>> }).data;
    if (typeof id !== 'string') continue;
    if (type === 'freeze.lifted') frozen.delete(id);
    if (type !== 'freeze.set' || !isScope(scope)) continue;
    const of = {
      name: typeof name === 'string' ? name : null,
      reason: String(reason),
      by: actor.replace('slack:', ''),
    };
    frozen.set(id, { id, scope, ...of, since: at, seal: null });
  }
  return [...frozen.values()];
}

function isScope(scope: unknown): scope is FreezeTable['scope'] {
  return scope === 'all' || scope === 'server' || scope === 'grant';
}
