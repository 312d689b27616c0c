import { type Selectable, sql } from 'kysely';
import type { Allowance, AllowanceEnd, StandingDenial } from '../../domain/allowance/allowance.ts';
import { NO_SUBJECT } from '../../domain/log/event.ts';
import type { AllowedBounds } from '../../domain/policy/allowance-rule.ts';
import type { Seals } from '../../ports.ts';
import { requireTaken } from '../connection/not-taken.ts';
import { writeEvents } from '../log/events.ts';
import { changeSet } from '../log/sealed-set.ts';
import type { AllowanceTable, DenialTable } from '../table/allowance-tables.ts';
import { rowText } from '../table/sealed-tables.ts';
import type { Db } from '../table/tables.ts';
import type { SetTable } from './set-table.ts';

export type AllowanceRow = Selectable<AllowanceTable>;
export type DenialRow = Selectable<DenialTable>;

/** Their columns, named one by one; the first is never null. */
export const ALLOWANCE_COLUMNS = sql.raw(`id, approval_id, grant_name, server, tool, owner, token_sha256, policy_digest,
  may_vary, within, likeness, look, bounds, used, at, until, given_by, ended_at, ended_why, ended_by, seal`);
export const DENIAL_COLUMNS = sql.raw(`id, approval_id, grant_name, server, tool, may_vary, likeness, reason, at, until,
  given_by, ended_at, ended_why, ended_by, seal`);

/** Those that have not ended. One that ends leaves the set, and its row stays. */
export const ALLOWANCE_SET: SetTable<AllowanceRow> = {
  name: 'allowances',
  kind: 'row',
  rows: sql`select ${ALLOWANCE_COLUMNS} from holdfast.allowances where ended_at is null order by at, id`,
  id: 'id',
  idOf: ({ id }) => id,
  text: (row) => rowText('allowances', row),
  disown: async (trx, ids) => {
    await sql`
      update holdfast.allowances set ended_at = clock_timestamp(), ended_why = 'store', ended_by = 'holdfast', seal = null
      where id = any(${[...ids]}::text[])`.execute(trx);
  },
  // Nobody can say how often they were used since the state that is accepted.
  named: async (trx, seals, rows) => {
    for (const row of rows) await endAccepted(trx, seals, row);
    return [];
  },
};

export const DENIAL_SET: SetTable<DenialRow> = {
  name: 'denials',
  kind: 'row',
  rows: sql`select ${DENIAL_COLUMNS} from holdfast.denials where ended_at is null order by at, id`,
  id: 'id',
  idOf: ({ id }) => id,
  text: (row) => rowText('denials', row),
  disown: async (trx, ids) => {
    await sql`
      update holdfast.denials set ended_at = clock_timestamp(), ended_why = 'revoked', ended_by = 'holdfast', seal = null
      where id = any(${[...ids]}::text[])`.execute(trx);
  },
};

async function endAccepted(trx: Db, seals: Seals, row: AllowanceRow): Promise<void> {
  if (!seals.fits('row', rowText('allowances', row), row.seal)) return;
  const at = new Date();
  await updateAllowance(trx, seals, row, { ...row, ended_at: at, ended_why: 'store', ended_by: 'holdfast' });
  const { approval_id: approval, server, tool, grant_name: grant, id } = row;
  const event = { type: 'allowance.ended', at, actor: 'holdfast' } as const;
  const data = { allowance: id, why: 'store', used: row.used, of: allowanceOfRow(row).bounds.calls };
  await writeEvents(trx, seals, [{ ...NO_SUBJECT, ...event, approval, server, tool, grant, data }]);
}

/** Writes a row anew, with the head of its set. Throws `NotTaken`. */
export async function updateAllowance(trx: Db, seals: Seals, old: AllowanceRow, next: AllowanceRow): Promise<void> {
  const text = rowText('allowances', next);
  const written = await sql`
    update holdfast.allowances set used = ${next.used}, ended_at = ${next.ended_at}::timestamptz,
      ended_why = ${next.ended_why}::text, ended_by = ${next.ended_by}::text, seal = ${seals.seal('row', text)}
    where id = ${old.id} and ended_at is null and used = ${old.used}`.execute(trx);
  requireTaken('allowances', written.numAffectedRows, 1);
  const added = next.ended_at === null ? [text] : [];
  await changeSet(trx, seals, ALLOWANCE_SET.name, { removed: [rowText('allowances', old)], added });
}

export async function endDenialRow(
  trx: Db,
  seals: Seals,
  old: DenialRow,
  end: { readonly at: Date; readonly why: string; readonly by: string },
): Promise<DenialRow> {
  const next = { ...old, ended_at: end.at, ended_why: end.why, ended_by: end.by };
  const written = await sql`
    update holdfast.denials set ended_at = ${end.at}::timestamptz, ended_why = ${end.why}::text, ended_by = ${end.by}::text,
      seal = ${seals.seal('row', rowText('denials', next))}
    where id = ${old.id} and ended_at is null`.execute(trx);
  requireTaken('denials', written.numAffectedRows, 1);
  await changeSet(trx, seals, DENIAL_SET.name, { removed: [rowText('denials', old)] });
  return next;
}

/** Their text is sealed, so it is what a gateway wrote. */
export function allowanceOfRow(row: AllowanceRow): Allowance {
  return {
    id: row.id,
    approval: row.approval_id,
    grant: row.grant_name,
    server: row.server,
    tool: row.tool,
    owner: row.owner,
    token: row.token_sha256,
    policyDigest: row.policy_digest,
    mayVary: JSON.parse(row.may_vary) as string[],
    within: JSON.parse(row.within) as string[],
    like: row.likeness,
    look: row.look,
    bounds: JSON.parse(row.bounds) as AllowedBounds,
    used: row.used,
    at: row.at,
    until: row.until,
    by: JSON.parse(row.given_by) as string[],
    ended:
      row.ended_at === null
        ? null
        : { at: row.ended_at, why: row.ended_why as AllowanceEnd, by: row.ended_by ?? 'holdfast' },
  };
}

export function rowOfAllowance(one: Allowance): Omit<AllowanceRow, 'seal'> {
  return {
    id: one.id,
    approval_id: one.approval,
    grant_name: one.grant,
    server: one.server,
    tool: one.tool,
    owner: one.owner,
    token_sha256: one.token,
    policy_digest: one.policyDigest,
    may_vary: JSON.stringify(one.mayVary),
    within: JSON.stringify(one.within),
    likeness: one.like,
    look: one.look,
    bounds: JSON.stringify(one.bounds),
    used: one.used,
    at: one.at,
    until: one.until,
    given_by: JSON.stringify(one.by),
    ended_at: null,
    ended_why: null,
    ended_by: null,
  };
}

export function denialOfRow(row: DenialRow): StandingDenial {
  return {
    id: row.id,
    approval: row.approval_id,
    grant: row.grant_name,
    server: row.server,
    tool: row.tool,
    mayVary: JSON.parse(row.may_vary) as string[],
    like: row.likeness,
    reason: row.reason,
    at: row.at,
    until: row.until,
    by: row.given_by,
    ended:
      row.ended_at === null
        ? null
        : { at: row.ended_at, why: row.ended_why === 'over' ? 'over' : 'revoked', by: row.ended_by ?? 'holdfast' },
  };
}

export function rowOfDenial(one: StandingDenial): Omit<DenialRow, 'seal'> {
  return {
    id: one.id,
    approval_id: one.approval,
    grant_name: one.grant,
    server: one.server,
    tool: one.tool,
    may_vary: JSON.stringify(one.mayVary),
    likeness: one.like,
    reason: one.reason?.toWellFormed() ?? null,
    at: one.at,
    until: one.until,
    given_by: one.by,
    ended_at: null,
    ended_why: null,
    ended_by: null,
  };
}
