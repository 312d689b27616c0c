import { type Kysely, sql } from 'kysely';
import type { NewEvent } from '../../domain/log/event.ts';
import { type Take, takeKey } from '../../domain/policy/limit.ts';
import type { Admission, Seals } from '../../ports.ts';
import { isAboutOne } from '../connection/about-one.ts';
import { KEPT_PLAN } from '../connection/kept-plan.ts';
import { requireTaken } from '../connection/not-taken.ts';
import { eventRow } from '../log/events.ts';
import { writtenTo } from '../log/written.ts';
import type { Tables } from '../table/tables.ts';
import { windowWidth } from './window.ts';

/** Calls that one statement admits at most. */
const MOST_PER_STATEMENT = 200;

interface WaitingAdmission {
  readonly takes: readonly Take[];
  readonly event: NewEvent;
  readonly settle: (admission: Admission) => void;
  readonly fail: (error: unknown) => void;
}

/** `full_take` where a freeze stops the call. */
const FROZEN = -1;

/** A row of `holdfast.admit_calls`. */
interface AdmittedRow {
  /** The call's index in the batch. */
  place: number;
  /** The index of the first take that found its counter full; null: none did. */
  full_take: number | null;
  resets_at: Date | null;
  retry_after: number | null;
  starts: readonly string[];
  /** The cursors of the events of all calls that were admitted, in their order. */
  logged: readonly (number | string)[];
}

/**
 * Admits limited calls. Calls that come while one statement runs are gathered and admitted by the next: a busy
 * counter's row is locked once for all of them instead of once per call.
 */
export class AdmissionBatcher {
  readonly #db: Kysely<Tables>;
  readonly #seals: Seals;
  #waiting: WaitingAdmission[] = [];
  #busy = false;

  constructor(db: Kysely<Tables>, seals: Seals) {
    this.#db = db;
    this.#seals = seals;
  }

  admit(takes: readonly Take[], event: NewEvent): Promise<Admission> {
    return new Promise((settle, fail) => {
      this.#waiting.push({ takes, event, settle, fail });
      if (!this.#busy) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#busy = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MOST_PER_STATEMENT);
      await this.#admit(batch);
    }
    this.#busy = false;
  }

  /**
   * A batch that the database refuses is tried again call by call: what is wrong with one call is no reason to refuse
   * another. Where the database does not answer, or takes nothing from anybody, all of them fail at once: one after the
   * other, each would wait as long.
   */
  async #admit(batch: readonly WaitingAdmission[]): Promise<void> {
    try {
      const rows = await admitAll(this.#db, this.#seals, batch);
      for (const row of rows) batch[row.place]!.settle(admissionOf(row, batch[row.place]!.takes));
    } catch (error) {
      if (batch.length === 1 || !isAboutOne(error)) for (const call of batch) call.fail(error);
      else for (const call of batch) await this.#admit([call]);
    }
  }
}

async function admitAll(
  db: Kysely<Tables>,
  seals: Seals,
  batch: readonly WaitingAdmission[],
): Promise<readonly AdmittedRow[]> {
  const requests = batch.map(({ takes, event }) => ({
    takes: takes.map((take) => ({ key: takeKey(take), width: windowWidth(take), max: take.max, by: take.by })),
    event: eventRow(seals, event),
  }));
  const admitted = await sql<AdmittedRow>`${KEPT_PLAN}
    select place, full_take, resets_at, retry_after, starts, to_json(logged) as logged
    from holdfast.admit_calls(${JSON.stringify(requests)}::json)`.execute(db);
  const sealed = admitted.rows.filter(({ full_take }) => full_take === null).map(({ place }) => requests[place]!.event);
  const logged = admitted.rows[0]?.logged ?? [];
  requireTaken('events', logged.length, sealed.length);
  writtenTo(db).remember(
    logged,
    sealed.map(({ seal }) => seal),
    null,
  );
  return admitted.rows;
}

function admissionOf(row: AdmittedRow, takes: readonly Take[]): Admission {
  if (row.full_take === FROZEN) return { kind: 'frozen' };
  if (row.full_take === null) {
    return { kind: 'admitted', taken: takes.map((take, i) => ({ take, windowStart: new Date(row.starts[i]!) })) };
  }
  const full = { take: takes[row.full_take]!, resetsAt: row.resets_at!, retryAfter: row.retry_after! };
  return { kind: 'full', full };
}
