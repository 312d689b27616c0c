import { type Kysely, sql } from 'kysely';
import type { NewEvent } from '../../domain/event.ts';
import { type Take, takeKey } from '../../domain/limit.ts';
import type { Admission } from '../../ports.ts';
import { KEPT_PLAN } from '../connection/kept-plan.ts';
import { eventRow } from '../log/events.ts';
import type { Tables } from '../table/tables.ts';

/** Calls that one statement admits at most. */
const MOST_AT_ONCE = 200;

interface WaitingAdmission {
  readonly takes: readonly Take[];
  readonly event: NewEvent;
  readonly settle: (admission: Admission) => void;
  readonly fail: (error: unknown) => void;
}

interface AdmittedRow {
  place: number;
  full_take: number | null;
  resets_at: Date | null;
  retry_after: number | null;
  starts: readonly string[];
}

/**
 * Admits limited calls. While one statement is on its way, those that come meanwhile gather and go as one behind it:
 * a busy counter's row is locked once for all of them instead of once a call.
 */
export class AdmissionBatcher {
  readonly #db: Kysely<Tables>;
  #waiting: WaitingAdmission[] = [];
  #busy = false;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  admit(takes: readonly Take[], event: NewEvent): Promise<Admission> {
    return new Promise((settle, fail) => {
      this.#waiting.push({ takes, event, settle, fail });
      if (!this.#busy) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#busy = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MOST_AT_ONCE);
      await this.#try(batch);
    }
    this.#busy = false;
  }

  /** A list that fails is tried call by call: what is wrong with one is no reason to refuse another's. */
  async #try(batch: readonly WaitingAdmission[]): Promise<void> {
    try {
      const rows = await admitAll(this.#db, batch);
      for (const row of rows) batch[row.place]!.settle(admissionOf(row, batch[row.place]!.takes));
    } catch (error) {
      if (batch.length === 1) batch[0]!.fail(error);
      else for (const one of batch) await this.#try([one]);
    }
  }
}

async function admitAll(db: Kysely<Tables>, batch: readonly WaitingAdmission[]): Promise<readonly AdmittedRow[]> {
  const requests = batch.map(({ takes, event }) => ({
    takes: takes.map((take) => ({ key: takeKey(take), width: widthOf(take), max: take.max, by: take.by })),
    event: eventRow(event),
  }));
  const answer = await sql<AdmittedRow>`${KEPT_PLAN}
    select place, full_take, resets_at, retry_after, starts
    from holdfast.admit(${JSON.stringify(requests)}::json)`.execute(db);
  return answer.rows;
}

function widthOf({ window }: Take): string {
  return 'calendar' in window ? window.calendar : `${window.seconds}s`;
}

function admissionOf(row: AdmittedRow, takes: readonly Take[]): Admission {
  if (row.full_take === null) {
    return { kind: 'admitted', taken: takes.map((take, i) => ({ take, windowStart: new Date(row.starts[i]!) })) };
  }
  const full = { take: takes[row.full_take]!, resetsAt: row.resets_at!, retryAfter: row.retry_after! };
  return { kind: 'full', full };
}
