import { type NewEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import type { Clock, Log, Store } from '../../ports.ts';

/** Alarms that have an event each; of further ones there is one event a comparison of the store, 10 s, for all of them. */
const MOST_TOLD = 1_000;
/** Further ones that such an event names. */
const MOST_NAMED = 100;
/** Events in one write. */
const AT_ONCE = 200;

export interface AlarmEventParts {
  readonly store: Pick<Store, 'append'>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Has the log say what this process has found. Nothing in the database can keep it from that but by taking no events at
 * all: no notice is claimed, so each replica tells what it finds, and what cannot be written now is written later.
 */
export class AlarmEvents {
  readonly #parts: AlarmEventParts;
  #waiting: NewEvent[] = [];
  #told = 0;
  /** Rows and fields that have no event of their own, and how many there are. */
  #further: string[] = [];
  #furthers = 0;
  #writing: Promise<void> | null = null;
  #failing = false;

  constructor(parts: AlarmEventParts) {
    this.#parts = parts;
  }

  /** `isAlarm`: false for what stops nothing, which is bounded by whoever tells it. Never rejects. */
  tell(event: NewEvent, isAlarm = true): void {
    if (isAlarm && this.#told >= MOST_TOLD) {
      const { table, row, field } = event.data;
      this.#furthers += 1;
      if (this.#further.length < MOST_NAMED) this.#further.push([event.approval ?? table, row, field].join(' '));
      return;
    }
    if (isAlarm) this.#told += 1;
    this.#waiting.push(event);
    void this.flush();
  }

  /** An operator has accepted what was found: the count begins anew. What waits is still written. */
  restart(): void {
    this.#told = 0;
  }

  /** Writes what waits, and of what was found beyond the bound. Never rejects. */
  async flush(further = false): Promise<void> {
    if (further && this.#furthers > 0) {
      const data = { table: null, row: null, field: 'more', more: this.#furthers, found: this.#further };
      const at = this.#parts.clock.now();
      this.#waiting.push({ ...NO_SUBJECT, type: 'seal.broken', at, actor: 'holdfast', data });
      this.#further = [];
      this.#furthers = 0;
    }
    // Whoever comes while a write is under way waits for it, and for the one after it.
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
    });
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const some = this.#waiting.slice(0, AT_ONCE);
      try {
        await this.#parts.store.append(some);
      } catch (error) {
        if (!this.#failing) this.#parts.log.error({ err: error }, 'alarms could not be logged; trying every 10 s');
        this.#failing = true;
        return;
      }
      this.#failing = false;
      this.#waiting = this.#waiting.slice(some.length);
    }
  }
}
