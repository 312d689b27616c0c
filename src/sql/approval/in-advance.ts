import { MOST_LIVING, MOST_LIVING_OF_GRANT } from '../../domain/allowance/allowance.ts';
import type { Change, Seals } from '../../ports.ts';
import { requireTaken } from '../connection/not-taken.ts';
import { writeEvents } from '../log/events.ts';
import { changeSet } from '../log/sealed-set.ts';
import type { Beliefs } from '../sets/beliefs.ts';
import {
  ALLOWANCE_SET,
  type AllowanceRow,
  allowanceOfRow,
  DENIAL_SET,
  rowOfAllowance,
  rowOfDenial,
  updateAllowance,
} from '../sets/in-advance-sets.ts';
import { lockSet } from '../sets/set-table.ts';
import { rowText } from '../table/sealed-tables.ts';
import type { Db } from '../table/tables.ts';

/** Thrown inside the transaction: the allowance does not live, is used up, or the set cannot be believed. */
export class OutsideAllowance extends Error {}
/** Thrown inside the transaction: as many live as may. */
export class CrowdedInAdvance extends Error {}

/**
 * What a change of an approval does to what was given in advance, in its own transaction. `begin` takes the turn at the
 * set, so it comes before the approval's row is locked: whoever gives, uses or ends one waits here for the others, and
 * the whole set is judged by what they have left.
 */
export class InAdvanceChanges {
  readonly #seals: Seals;
  readonly #beliefs: Beliefs;
  readonly #change: Change;
  /** The allowance's row that is used; null: none is. */
  #row: AllowanceRow | null = null;
  /** Those that end with it. */
  #revoked: readonly AllowanceRow[] = [];

  constructor(seals: Seals, beliefs: Beliefs, change: Change) {
    this.#seals = seals;
    this.#beliefs = beliefs;
    this.#change = change;
  }

  get isNone(): boolean {
    const { under, allows, denies, revokes } = this.#change;
    return under === undefined && allows === undefined && denies === undefined && revokes === undefined;
  }

  /** Throws `OutsideAllowance` or `CrowdedInAdvance`. */
  async begin(trx: Db): Promise<void> {
    const { id, under, allows, denies, revokes } = this.#change;
    if (under !== undefined || allows !== undefined || revokes !== undefined) {
      await lockSet(trx, ALLOWANCE_SET.name);
      const rows = await this.#beliefs.wholeRows(ALLOWANCE_SET, trx);
      if (under !== undefined) {
        const row = rows?.find(({ id }) => id === under.id);
        if (row === undefined || under.now >= row.until) throw new OutsideAllowance();
        // A pass that came back was counted when it was spent first.
        if (under.counts && row.used >= allowanceOfRow(row).bounds.calls) throw new OutsideAllowance();
        this.#row = row;
      }
      // Of a set that cannot be believed nothing is used, and nothing is written into it.
      if (revokes !== undefined)
        this.#revoked = (rows ?? []).filter((row) => row.approval_id === id || row.id === revokes.allowance);
      if (allows !== undefined) requireRoom(rows, allows.allowance.grant);
    }
    if (denies !== undefined) {
      await lockSet(trx, DENIAL_SET.name);
      requireRoom(await this.#beliefs.wholeRows(DENIAL_SET, trx), denies.denial.grant);
    }
  }

  /** Throws `NotTaken`. */
  async write(trx: Db): Promise<void> {
    const { under, allows, denies, revokes } = this.#change;
    const row = this.#row;
    if (under !== undefined && row !== null && under.counts) {
      // The last use does not end it: as long as its pass waits, it can be revoked.
      const next = { ...row, used: row.used + 1 };
      await updateAllowance(trx, this.#seals, row, next);
      await writeEvents(trx, this.#seals, under.events(allowanceOfRow(next)));
    }
    for (const each of revokes === undefined ? [] : this.#revoked) {
      const next = { ...each, ended_at: revokes!.at, ended_why: 'revoked' as const, ended_by: revokes!.by };
      await updateAllowance(trx, this.#seals, each, next);
      await writeEvents(trx, this.#seals, [revokes!.event(allowanceOfRow(next))]);
    }
    if (allows !== undefined) await this.#insert(trx, 'allowances', rowOfAllowance(allows.allowance), allows.event);
    if (denies !== undefined) await this.#insert(trx, 'denials', rowOfDenial(denies.denial), denies.event);
  }

  async #insert<T extends 'allowances' | 'denials'>(
    trx: Db,
    table: T,
    row: Parameters<typeof rowText<T>>[1],
    event: NonNullable<Change['allows']>['event'],
  ): Promise<void> {
    const text = rowText(table, row);
    const values = { ...row, seal: this.#seals.seal('row', text) };
    const added = await trx
      .insertInto(`holdfast.${table}`)
      .values(values as never)
      .executeTakeFirst();
    requireTaken(table, added.numInsertedOrUpdatedRows, 1);
    await changeSet(trx, this.#seals, table, { added: [text] });
    await writeEvents(trx, this.#seals, [event]);
  }
}

/** What is used up takes no room of its grant. */
function requireRoom(
  rows: readonly { readonly grant_name: string; readonly used?: number; readonly bounds?: string }[] | null,
  grant: string,
): void {
  // What cannot be believed is added to by nobody.
  if (rows === null || rows.length >= MOST_LIVING) throw new CrowdedInAdvance();
  const isLeft = ({ used = 0, bounds }: (typeof rows)[number]): boolean =>
    bounds === undefined || used < (JSON.parse(bounds) as { readonly calls: number }).calls;
  const own = rows.filter((row) => row.grant_name === grant && isLeft(row));
  if (own.length >= MOST_LIVING_OF_GRANT) throw new CrowdedInAdvance();
}
