import { sql } from 'kysely';
import type { Seals } from '../../ports.ts';
import type { Db, FreezeTable } from '../table/tables.ts';

type LoggedFreeze = Pick<FreezeTable, 'by' | 'id' | 'name' | 'reason' | 'scope'> & { since: Date; seal: null };

/**
 * The freezes that the log says were set and not lifted, for when the rows cannot be believed. That one was set is taken
 * from any event, since it only stops; that it was lifted, from an event of a gateway's only.
 */
export async function loggedFreezes(db: Db, seals: Seals): Promise<readonly LoggedFreeze[]> {
  const found = await sql<{ type: string; body: string; seal: string | null; actor: string; at: Date }>`
    select type, body, seal, actor, at from holdfast.events where type in ('freeze.set', 'freeze.lifted') order by n`.execute(
    db,
  );
  const frozen = new Map<string, LoggedFreeze>();
  for (const { type, body, seal, actor, at } of found.rows) {
    const { data } = JSON.parse(body) as { data: Partial<Record<string, unknown>> };
    const { id, scope, name, reason } = data;
    if (typeof id !== 'string' || !isScope(scope)) continue;
    if (type === 'freeze.set') {
      const of = {
        name: typeof name === 'string' ? name : null,
        reason: String(reason),
        by: actor.replace('slack:', ''),
      };
      frozen.set(id, { id, scope, ...of, since: at, seal: null });
    } else if (seals.fits('event', body, seal)) frozen.delete(id);
  }
  return [...frozen.values()];
}

function isScope(scope: unknown): scope is FreezeTable['scope'] {
  return scope === 'all' || scope === 'server' || scope === 'grant';
}
