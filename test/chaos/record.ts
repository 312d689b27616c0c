import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import type { Approval } from '../../src/domain/approval/approval.ts';
import { listApprovals } from '../../src/sql/approval/read.ts';
import type { Tables } from '../../src/sql/table/tables.ts';
import { rowSeals } from '../../src/vault/row-seals.ts';
import { STORE_SECRET } from '../support/gateway/program.ts';

/** Of the secret that the program's houses run with. */
const PROGRAM_SEALS = rowSeals([STORE_SECRET]);

/** An event as the log holds it. */
export interface LoggedEvent {
  readonly n: string;
  readonly seq: string | null;
  readonly hash: string | null;
  readonly body: string;
  readonly type: string;
  readonly approval: string | null;
  readonly actor: string;
  readonly at: Date;
}

/** What the database holds once all is quiet. */
export interface FinalRecord {
  /** Oldest first. */
  readonly approvals: readonly Approval[];
  /** In the chain's order, those not chained yet last. */
  readonly events: readonly LoggedEvent[];
  /** How many approvals have a card that does not show their revision. */
  readonly stale: number;
}

/** Reads all of it straight from the database. Throws when that does not answer. */
export async function readEvidence(url: string): Promise<FinalRecord> {
  const db = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 2 }) }),
  });
  try {
    const { log } = await db.selectFrom('holdfast.epoch').select('log').executeTakeFirstOrThrow();
    PROGRAM_SEALS.bind(log);
    const { items } = await listApprovals(db, PROGRAM_SEALS, { limit: 1_000_000 });
    const events = await sql<LoggedEvent>`
      select n, seq, hash, body, type, approval_id as approval, actor, at from holdfast.events
      order by seq nulls last, n`.execute(db);
    const stale = await sql<{ count: string }>`
      select count(*) from holdfast.approvals where shown < revision`.execute(db);
    return { approvals: [...items].reverse(), events: events.rows, stale: Number(stale.rows[0]!.count) };
  } finally {
    await db.destroy();
  }
}
