import { type Kysely, sql } from 'kysely';
import { type Erasure, erasureJson, readErasure } from '../../domain/call/erasure.ts';
import type { Json } from '../../domain/json/json.ts';
import { loggedErasure } from '../../domain/log/erased.ts';
import type { KeptKey, Seals } from '../../ports.ts';
import { isAbout } from '../log/about.ts';
import { LINK, type LinkRow } from '../log/chained.ts';
import { eventOf } from '../log/events.ts';
import type { Db, Tables } from '../table/tables.ts';

interface KeyRow {
  readonly approval_id: string;
  readonly key: Uint8Array | null;
  readonly erased: string | null;
}

/**
 * What is kept of these approvals' keys. An erasure is believed from the log or from its own record: the events may be in an archive,
 * and a row of before, with its key, may have been put back.
 */
export async function keysOf(
  db: Db,
  seals: Seals,
  approvals: readonly string[],
): Promise<ReadonlyMap<string, KeptKey>> {
  const kept = new Map<string, KeptKey>();
  if (approvals.length === 0) return kept;
  const rows = await sql<KeyRow>`
    select approval_id, key, erased from holdfast.erasable_keys where approval_id = any(${approvals}::text[])`.execute(
    db,
  );
  for (const row of rows.rows) {
    kept.set(row.approval_id, { key: row.key, erasure: believedErasure(seals, row.approval_id, row.erased) });
  }
  const told = await sql<LinkRow>`
    select ${LINK} from unnest(${approvals}::text[]) as w(id) join holdfast.events e on ${isAbout(sql`w.id`)}
    where e.type = 'data.erased' order by e.n`.execute(db);
  for (const event of told.rows.map((row) => eventOf(seals, row))) {
    const erasure = loggedErasure(event);
    const { approval } = event;
    if (erasure === null || approval === null || kept.get(approval)?.erasure) continue;
    kept.set(approval, { key: kept.get(approval)?.key ?? null, erasure });
  }
  return kept;
}

/** What stands in the place of a destroyed key. */
export function sealedErasure(seals: Seals, approval: string, erasure: Erasure): string {
  const json = JSON.stringify(erasureJson(erasure)).toWellFormed();
  return `${seals.seal('row', recordText(approval, json))} ${json}`;
}

/** null: there is none, or no gateway wrote it. */
function believedErasure(seals: Seals, approval: string, text: string | null): Erasure | null {
  if (text === null) return null;
  const at = text.indexOf(' ');
  const [seal, json] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
  return seals.fits('row', recordText(approval, json), seal) ? readErasure(JSON.parse(json) as Json) : null;
}

function recordText(approval: string, json: string): string {
  return JSON.stringify(['erasable_keys', approval, json]);
}

/**
 * Wraps and seals anew what an older secret made; at most so many, behind `after`: what cannot be renewed keeps nothing else from it.
 * How many it renewed, and the last one that it looked at; null: it came to the end.
 */
export async function renewKeys(
  db: Kysely<Tables>,
  seals: Seals,
  { limit, after }: { readonly limit: number; readonly after: string },
  wrap: (approval: string, key: Uint8Array) => Uint8Array | null,
): Promise<{ readonly renewed: number; readonly last: string | null }> {
  const earlier = seals.earlier;
  if (earlier.length === 0) return { renewed: 0, last: null };
  const rows = await sql<KeyRow & { secret: string }>`
    select approval_id, key, erased, secret from holdfast.erasable_keys
    where secret = any(${earlier}::text[]) and approval_id > ${after} order by approval_id limit ${limit}`.execute(db);
  let renewed = 0;
  for (const row of rows.rows) {
    const erasure = believedErasure(seals, row.approval_id, row.erased);
    const erased = erasure === null ? null : sealedErasure(seals, row.approval_id, erasure);
    const key = row.key === null ? null : wrap(row.approval_id, row.key);
    // What no listed secret opens stays as it is: somebody may list that secret again.
    if (key === null && erased === null) continue;
    const same = row.key === null ? sql`key is null` : sql`key = ${Buffer.from(row.key)}`;
    await sql`
      update holdfast.erasable_keys set key = ${key === null ? null : Buffer.from(key)}, erased = ${erased}, secret = ${seals.prefix}
      where approval_id = ${row.approval_id} and ${same}`.execute(db);
    renewed += 1;
  }
  return { renewed, last: rows.rows.length < limit ? null : rows.rows.at(-1)!.approval_id };
}
