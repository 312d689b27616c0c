import { type Kysely, type Selectable, sql } from 'kysely';
import type { Revocations, Seals, SetHead, SetReading, SetReadings } from '../ports.ts';
import { guarded } from './connection/guard.ts';
import { KEPT_PLAN } from './connection/kept-plan.ts';
import { writeEvents } from './log/events.ts';
import { beginSet, changeSet, judgeSet, type SetHeadRow, setHead } from './log/sealed-set.ts';
import type { Db, RevocationTable, Tables } from './table/tables.ts';

type RevocationRow = Selectable<RevocationTable>;

/** The set of revoked tokens, in which every row matters by being there. */
const SET = 'revocations';

/**
 * The `Revocations` port: tokens that are no longer good. A revocation is final; the way to go on is a new token.
 * `readings`: told of each read whether the set is what a gateway left; absent: nobody asks.
 */
export function sqlRevocations(db: Kysely<Tables>, seals: Seals, readings?: SetReadings): Revocations {
  let begun = false;
  const read = async (): Promise<readonly RevocationRow[]> => {
    const turn = readings?.begin() ?? 0;
    const found = await sql<RevocationRow & { head: SetHeadRow | null }>`${KEPT_PLAN}
      select r.token_sha256, r.grant_name, r.at, r.actor, r.reason, r.seal, ${setHead(SET)} as head
      from (select 1) as one left join holdfast.revocations r on true order by r.at`.execute(db);
    const rows = found.rows.filter((row) => row.token_sha256 !== null);
    readings?.read(turn, readingOf(seals, rows, found.rows[0]?.head));
    return rows;
  };
  return guarded<Revocations>({
    list: async () => {
      if (!begun) await beginOnce(db, seals);
      begun = true;
      return (await read()).map((row) => ({
        tokenSha256: row.token_sha256,
        grant: row.grant_name,
        at: row.at,
        actor: row.actor,
        reason: row.reason,
      }));
    },
    revoke: (revocation, event) =>
      db.transaction().execute(async (trx) => {
        const { tokenSha256, grant, at, actor, reason } = revocation;
        const row = { token_sha256: tokenSha256, grant_name: grant, at, actor, reason: reason?.toWellFormed() ?? null };
        const text = revocationText(row);
        await lockSet(trx);
        const added = await trx
          .insertInto('holdfast.revocations')
          .values({ ...row, seal: seals.seal('revocation', text) })
          .onConflict((conflict) => conflict.column('token_sha256').doNothing())
          .executeTakeFirst();
        if (added.numInsertedOrUpdatedRows !== 1n) return false;
        await changeSet(trx, seals, SET, { added: [text] });
        await writeEvents(trx, seals, [event]);
        return true;
      }),
  });
}

/** An operator accepted the store: the rows as they are make up the set. Returns its head. */
export async function rebaseRevocations(trx: Db, seals: Seals, known: readonly SetHead[]): Promise<readonly SetHead[]> {
  const rows = await lockRows(trx);
  const { head } = readingOf(seals, rows, await headRow(trx));
  const version =
    Math.max(head?.version ?? 0, ...known.filter(({ name }) => name === SET).map((one) => one.version)) + 1;
  await sealRows(trx, seals, rows, version);
  const made = readingOf(seals, await lockRows(trx), await headRow(trx)).head;
  return made === null ? [] : [made];
}

/**
 * Rows from before there were seals are sealed once, while there is no head and none of them has a seal; and again, as
 * they are, when the newest secret is another one.
 */
async function beginOnce(db: Kysely<Tables>, seals: Seals): Promise<void> {
  const found = await headRow(db);
  if (found !== undefined && seals.maker(found.seal) === 'newest') return;
  await db.transaction().execute(async (trx) => {
    const rows = await lockRows(trx);
    const head = await headRow(trx);
    const known = readingOf(seals, rows, head);
    const isNew = head === undefined && rows.every(({ seal }) => seal === null);
    // What fits an older secret is sealed by the newest, as it is; what fits none is found by whoever reads it.
    const fits = known.head !== null && known.fault === null && seals.maker(head?.seal ?? null) === 'older';
    if (isNew || fits) await sealRows(trx, seals, rows, known.head?.version ?? 1);
  });
}

async function sealRows(trx: Db, seals: Seals, rows: readonly RevocationRow[], version: number): Promise<void> {
  for (const row of rows) {
    await trx
      .updateTable('holdfast.revocations')
      .set({ seal: seals.seal('revocation', revocationText(row)) })
      .where('token_sha256', '=', row.token_sha256)
      .execute();
  }
  await beginSet(trx, seals, SET, rows.map(revocationText), version);
}

/** The lock of those who change the set: "revo" in letters. */
const SET_LOCK = 0x72_65_76_6f;

async function lockSet(trx: Db): Promise<void> {
  await sql`select pg_advisory_xact_lock(${SET_LOCK})`.execute(trx);
}

/** No gateway adds a row or another head meanwhile. */
async function lockRows(trx: Db): Promise<readonly RevocationRow[]> {
  await lockSet(trx);
  return trx.selectFrom('holdfast.revocations').selectAll().orderBy('at').execute();
}

async function headRow(db: Db): Promise<SetHeadRow | undefined> {
  return db.selectFrom('holdfast.sealed_sets').selectAll().where('name', '=', SET).executeTakeFirst();
}

function readingOf(seals: Seals, rows: readonly RevocationRow[], head: SetHeadRow | null | undefined): SetReading {
  const texts = rows.map((row) => ({ text: revocationText(row), seal: row.seal, key: row.token_sha256.slice(0, 12) }));
  return judgeSet(seals, 'revocation', SET, texts, head);
}

function revocationText({ token_sha256, grant_name, at, actor, reason }: Omit<RevocationRow, 'seal'>): string {
  return JSON.stringify([token_sha256, grant_name, at.getTime(), actor, reason]);
}
