import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Seals, SetReadings } from '../../ports.ts';
import type { Db } from './tables.ts';

/**
 * Tables whose rows make something pass, or stop, by being there, and the columns that the seal of a row covers, in this
 * order, which is frozen. A column that is not named may be changed without a key: what it says is either not believed
 * by itself or cannot be used. The first one is how operators find a row. Which of the tables are sets as well, so that a
 * deleted row is missed, is in `sets/all-sets.ts`; docs/decisions/0039 says of each what a row could do.
 */
export const SEALED_COLUMNS = {
  freezes: ['id', 'scope', 'name', 'reason', 'by', 'since'],
  allowances: [
    ...([
      'id',
      'approval_id',
      'grant_name',
      'server',
      'tool',
      'owner',
      'token_sha256',
      'policy_digest',
      'may_vary',
    ] as const),
    ...(['within', 'likeness', 'look', 'bounds', 'used', 'at', 'until', 'given_by'] as const),
    ...(['ended_at', 'ended_why', 'ended_by'] as const),
  ],
  denials: [
    ...([
      'id',
      'approval_id',
      'grant_name',
      'server',
      'tool',
      'may_vary',
      'likeness',
      'reason',
      'at',
      'until',
    ] as const),
    ...(['given_by', 'ended_at', 'ended_why', 'ended_by'] as const),
  ],
  counter_proposals: [
    ...(['id', 'approval_id', 'grant_name', 'server', 'tool', 'fingerprint', 'proposed_by', 'at', 'ended_at'] as const),
  ],
  logins: ['id', 'reviewer', 'credential', 'at', 'seen_at', 'ends_at'],
  person_logins: ['id', 'flow', 'issuer', 'subject', 'session', 'email', 'name', 'said', 'checked_at', 'kept'],
  person_emails: ['email', 'issuer', 'subject', 'at'],
  api_tokens: ['id', 'digest', 'owner', 'name', 'role', 'at', 'ends_at', 'revoked_at', 'revoked_by', 'vouched_at'],
  person_keys: [
    ...(['id', 'owner', 'name', 'public_key', 'algorithm', 'origin', 'counter', 'at', 'registered_at'] as const),
    ...(['registered_by', 'break_glass', 'ended_at', 'ended_by', 'ended'] as const),
  ],
  signing_nonces: ['digest', 'purpose', 'login', 'person', 'approval_id', 'choice', 'at', 'ends_at'],
  sessions: ['id', 'server', 'grant_name'],
  tasks: ['id', 'approval_id', 'joiner_id', 'grant_name', 'server', 'era', 'created_at'],
  continuations: ['digest', 'grant_name', 'server', 'fingerprint', 'approval_id'],
  pursuits: ['approval_id', 'dispatcher', 'task_id', 'grant_name', 'server', 'kept', 'started_at'],
  asked_requests: ['approval_id', 'grant_name', 'server', 'session', 'request_key', 'digest', 'kept', 'asked_at'],
  plain_requests: ['grant_name', 'server', 'session', 'request_key', 'asked_at'],
  issued_states: ['digest', 'grant_name', 'server', 'approval_id', 'issued_at', 'until'],
  memories: ['place', 'ref', 'at', 'until'],
  oversight_sums: ['subject', 'kind', 'day', 'sums'],
  oversight_cursor: ['id', 'seq'],
  snoozes: ['approval_id', 'person', 'slack', 'at', 'until'],
  cards: ['approval_id', 'channel', 'ts', 'revision', 'digest', 'posted_at', 'told_freeze', 'refused', 'event_seal'],
} as const;

export type SealedTableName = keyof typeof SEALED_COLUMNS;

type SealedValue = string | number | Date | Uint8Array | null;

/** What of a row its seal covers. */
export type SealedRow<T extends SealedTableName> = Readonly<Record<(typeof SEALED_COLUMNS)[T][number], SealedValue>>;

/** Characters of a row's first column by which operators find it. */
const LONGEST_ROW_NAME = 24;

/** A JSON list that begins with the table, so that no value runs into the next one and no row passes for another table's. */
export function rowText<T extends SealedTableName>(table: T, row: SealedRow<T>): string {
  const values = row as Readonly<Record<string, SealedValue>>;
  return JSON.stringify([table, ...SEALED_COLUMNS[table].map((column) => valueText(values[column]!))]);
}

function valueText(value: SealedValue): string | number | null {
  if (value instanceof Date) return value.getTime();
  if (value instanceof Uint8Array) return bytesText(value);
  // As the database keeps it.
  return typeof value === 'string' ? value.toWellFormed() : value;
}

/** Bytes count by their digest: hex SHA-256, as SQL can make it. */
export function bytesText(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Seals rows of such tables, and believes those only that a gateway wrote. The one place that does either. */
export class SealedTables {
  readonly #seals: Seals;
  readonly #readings: SetReadings | null;

  /** `readings`: told of rows that no gateway wrote; null: nobody is. */
  constructor(seals: Seals, readings: SetReadings | null) {
    this.#seals = seals;
    this.#readings = readings;
  }

  seal<T extends SealedTableName>(table: T, row: SealedRow<T>): string {
    return this.#seals.seal('row', rowText(table, row));
  }

  /**
   * Whether a gateway wrote this row. One without a seal is from before there were any, and one by a secret that was
   * retired is no sign of a forger: neither is believed, and nobody is told. Any other is told of.
   */
  believes<T extends SealedTableName>(table: T, row: SealedRow<T> & { readonly seal: string | null }): boolean {
    if (this.#seals.fits('row', rowText(table, row), row.seal)) return true;
    if (row.seal === null || this.#seals.maker(row.seal) === 'retired') return false;
    const name = (row as Readonly<Record<string, SealedValue>>)[SEALED_COLUMNS[table][0]];
    this.tell(table, String(name));
    return false;
  }

  /** Tells of a row. `why`: what is wrong with it where it was not written by a gateway, or is missing. */
  tell(table: SealedTableName, row: string, why?: string): void {
    this.#readings?.foreign(table, row.slice(0, LONGEST_ROW_NAME), why);
  }
}

/** What a row of sums says that an operator accepted as changed, until it is counted anew. */
export const NO_COUNTS = '{}';

/**
 * Takes the seal from rows that were told of: to everybody they are from before there were seals. A card's row that is gone
 * is there again, and says nothing.
 */
export async function disownRow(trx: Db, table: string, row: string): Promise<void> {
  if (!isSealedTable(table)) return;
  if (table === 'cards') {
    await sql`
      insert into holdfast.cards (approval_id, channel, revision, digest)
      select id, '', 0, '' from holdfast.approvals where left(id, ${LONGEST_ROW_NAME}::int) = ${row}
      on conflict (approval_id) do nothing`.execute(trx);
  }
  if (table === 'oversight_sums') {
    // They say nothing, and are counted anew from the log.
    await sql`
      update holdfast.oversight_sums set seal = null, sums = ${NO_COUNTS}
      where left(subject, ${LONGEST_ROW_NAME}::int) = ${row}`.execute(trx);
    await sql`update holdfast.oversight_cursor set seal = null`.execute(trx);
  }
  await sql`
    update ${sql.table(`holdfast.${table}`)} set seal = null
    where left(${sql.ref(SEALED_COLUMNS[table][0])}, ${LONGEST_ROW_NAME}::int) = ${row} and seal is not null`.execute(
    trx,
  );
}

function isSealedTable(table: string): table is SealedTableName {
  return Object.hasOwn(SEALED_COLUMNS, table);
}
