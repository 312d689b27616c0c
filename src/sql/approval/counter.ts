import { type Kysely, sql } from 'kysely';
import { MOST_LIVING, MOST_LIVING_OF_GRANT } from '../../domain/allowance/allowance.ts';
import { isOver, type State } from '../../domain/approval/approval.ts';
import type { Change, CounterConflict, Seals } from '../../ports.ts';
import { writeRows } from '../connection/not-taken.ts';
import { writeEvents } from '../log/events.ts';
import type { Beliefs } from '../sets/beliefs.ts';
import { addCounterRow, COUNTER_SET, endCounterRows } from '../sets/counter-set.ts';
import { lockSet } from '../sets/set-table.ts';
import type { Db, Tables } from '../table/tables.ts';
import { lastSent, liveOf, textArray } from './earlier-like.ts';
import { insertApproval, insertKey, newShown } from './insert.ts';
import { lockGrant } from './open-group.ts';
import { takeRoom } from './room.ts';

/** Thrown inside the transaction: the counter-proposal cannot be opened. */
export class NoCounter extends Error {
  readonly why: CounterConflict;
  constructor(why: CounterConflict) {
    super(why.kind);
    this.why = why;
  }
}
/** Thrown inside the transaction: the set does not have it, or cannot be believed. */
export class ForeignCounter extends Error {}

/**
 * What a change of an approval does to counter-proposals, in its own transaction. `begin` takes the turns of those who open
 * for this grant and who change the set, before the approval's row is locked; `write` opens the new approval, once the old
 * one is no longer pending.
 */
export class CounterChanges {
  readonly #seals: Seals;
  readonly #beliefs: Beliefs;
  readonly #change: Change;

  constructor(seals: Seals, beliefs: Beliefs, change: Change) {
    this.#seals = seals;
    this.#beliefs = beliefs;
    this.#change = change;
  }

  get isNone(): boolean {
    const { counters, countered } = this.#change;
    return counters === undefined && countered === undefined;
  }

  /** Throws `NoCounter` or `ForeignCounter`. */
  async begin(trx: Db): Promise<void> {
    const { id, counters, countered } = this.#change;
    if (countered !== undefined) {
      const rows = await this.#beliefs.wholeRows(COUNTER_SET, trx);
      const row = rows?.find((one) => one.id === id);
      if (row?.fingerprint !== countered.fingerprint || row.approval_id !== countered.approval) {
        throw new ForeignCounter();
      }
    }
    if (counters === undefined) return;
    const { grant } = counters.request.approval;
    await lockGrant(trx, grant);
    await lockSet(trx, COUNTER_SET.name);
    const rows = await this.#beliefs.wholeRows(COUNTER_SET, trx);
    const own = rows?.filter((row) => row.grant_name === grant) ?? [];
    // What cannot be believed is added to by nobody.
    if (rows === null) throw new NoCounter({ kind: 'unsure' });
    if (rows.length >= MOST_LIVING || own.length >= MOST_LIVING_OF_GRANT) {
      throw new NoCounter({ kind: 'too_many', most: MOST_LIVING_OF_GRANT });
    }
  }

  /** Opens it. Returns the proposer's vote, still to be recorded; null: none counts. Throws `NoCounter` or `NotTaken`. */
  async write(trx: Db): Promise<Change | null> {
    const { counters } = this.#change;
    if (counters === undefined) return null;
    const { request, event, room, by } = counters;
    const { id, grant, server, tool, fingerprint, createdAt, counterOf } = request.approval;
    const fingerprints = [fingerprint, ...request.olderFingerprints];
    const live = await sql<{ id: string }>`${liveOf(textArray(fingerprints), textArray([]))}`.execute(trx);
    if (live.rows[0] !== undefined) throw new NoCounter({ kind: 'waits', approval: live.rows[0].id });
    const taken = await takeRoom(trx as Parameters<typeof takeRoom>[0], request, room);
    if (taken.kind !== 'room') throw new NoCounter(taken);
    const sent = await sql<{ id: string; state: State }>`${lastSent(textArray(fingerprints))}`.execute(trx);
    const unknown = sent.rows[0]?.state === 'unknown' ? sent.rows[0].id : null;
    const shown = await newShown(this.#seals, request);
    await writeRows(trx, 'approvals', 1, insertApproval(this.#seals, request, shown, unknown));
    await insertKey(trx, this.#seals, request);
    await addCounterRow(trx, this.#seals, {
      id,
      approval_id: counterOf!.approval,
      grant_name: grant,
      server,
      tool,
      fingerprint,
      proposed_by: by,
      at: createdAt,
      ended_at: null,
    });
    await writeEvents(trx, this.#seals, [event]);
    // Whether the very same call ran before is for a person to look at (P2): its card says so.
    return unknown === null ? counters.vote : null;
  }
}

/** Counter-proposals whose approvals are over leave their set. */
export async function endCounters(
  db: Kysely<Tables>,
  seals: Seals,
  beliefs: Pick<Beliefs, 'wholeRows'>,
  at: Date,
): Promise<void> {
  const living = await sql<{ id: string }>`
    select 1 as id from holdfast.counter_proposals where ended_at is null limit 1`.execute(db);
  if (living.rows.length === 0) return;
  await db.transaction().execute(async (trx) => {
    await lockSet(trx, COUNTER_SET.name);
    const rows = (await beliefs.wholeRows(COUNTER_SET, trx)) ?? [];
    const found = await sql<{ id: string; state: State }>`
      select id, state from holdfast.approvals where id = any(${rows.map(({ id }) => id)}::text[])`.execute(trx);
    const over = new Set(found.rows.filter(({ state }) => isOver(state)).map(({ id }) => id));
    await endCounterRows(
      trx,
      seals,
      rows.filter(({ id }) => over.has(id)),
      at,
    );
  });
}
