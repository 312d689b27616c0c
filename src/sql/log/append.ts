import { type Kysely, sql } from 'kysely';
import type { NewEvent } from '../../domain/log/event.ts';
import type { Seals } from '../../ports.ts';
import { KEPT_PLAN } from '../connection/kept-plan.ts';
import { requireTaken } from '../connection/not-taken.ts';
import type { Tables } from '../table/tables.ts';
import { eventRow } from './events.ts';
import { markWritten, type Phrase, PhraseCache } from './phrases.ts';
import { writtenTo } from './written.ts';

/** Divides two values of a column, and stands for null. JSON escapes both, so no body holds them. */
const DIVIDER = '\x1e';
const NULL = '\x1f';
/** Where the seal is among the columns. */
const SEAL_COLUMN = 9;

/** Values of one column, in order. No value is empty or holds a divider. */
class Column {
  text = '';
  #empty = true;

  add(value: string): void {
    this.text = this.#empty ? value : `${this.text}${DIVIDER}${value}`;
    this.#empty = false;
  }
}

/**
 * Writes batches of events in the order given, each batch in one statement, and chains them unless another replica is
 * chaining. Each column is sent as one text: a JSON document would have to be quoted here and parsed there.
 */
export class Appender {
  readonly #db: Kysely<Tables>;
  readonly #seals: Seals;
  readonly #phrases = new PhraseCache();

  constructor(db: Kysely<Tables>, seals: Seals) {
    this.#db = db;
    this.#seals = seals;
  }

  async append(events: readonly NewEvent[]): Promise<void> {
    if (events.length === 0) return;
    const now = performance.now();
    const columns = Array.from({ length: 10 }, () => new Column());
    const phrases = events.map((event) => this.#phrases.of(event));
    const fresh = await this.#freshOf(phrases, now);
    for (const [index, event] of events.entries()) {
      const phrase = phrases[index] ?? null;
      const values = valuesOf(this.#seals, event, phrase?.collides === true ? null : phrase);
      if (values === null) return this.#appendAsJson(events);
      for (let i = 0; i < columns.length; i += 1) columns[i]!.add(values[i]!);
    }
    const ids = [...fresh.keys()].join(DIVIDER);
    const words = [...fresh.values()].map((phrase) => phrase.words).join(DIVIDER);
    const written = await sql<WrittenRow>`${KEPT_PLAN}
      select to_json(w.logged) as logged from (
        select holdfast.write_events(${sql.join([...columns.map(({ text }) => text), ids, words])}) as logged) w`.execute(
      this.#db,
    );
    this.#wrote(written.rows[0], events.length, columns[SEAL_COLUMN]!.text, DIVIDER);
    for (const phrase of fresh.values()) markWritten(phrase, now);
  }

  /** The phrases that have to be written, by their ids. Marks those whose id another phrase has. */
  async #freshOf(phrases: readonly (Phrase | null)[], now: number): Promise<ReadonlyMap<string, Phrase>> {
    const fresh = new Map<string, Phrase>();
    for (const phrase of phrases) {
      if (phrase === null || phrase.collides || phrase.writtenUntil >= now) continue;
      const other = fresh.get(phrase.id);
      if (other !== undefined && other.words !== phrase.words) phrase.collides = true;
      else fresh.set(phrase.id, phrase);
    }
    if (fresh.size === 0) return fresh;
    const all = [...fresh.values()];
    const taken = await sql<{ id: string }>`
      select p.id::text from unnest(${all.map(({ id }) => id)}::bigint[], ${all.map(({ words }) => words)}::text[]) as s(id, words)
      join holdfast.phrases p on p.id = s.id and p.words <> to_tsvector('pg_catalog.simple', s.words)`.execute(
      this.#db,
    );
    for (const { id } of taken.rows) {
      fresh.get(id)!.collides = true;
      fresh.delete(id);
    }
    return fresh;
  }

  /** For values that a column of text cannot hold. */
  async #appendAsJson(events: readonly NewEvent[]): Promise<void> {
    const rows = events.map((event) => eventRow(this.#seals, event));
    const written = await sql<WrittenRow>`
      select to_json(w.logged) as logged from (
        select holdfast.write_events(${JSON.stringify(rows)}::json) as logged) w`.execute(this.#db);
    this.#wrote(written.rows[0], rows.length, rows.map(({ seal }) => seal).join(DIVIDER), DIVIDER);
  }

  /** The function may be another one than ours. */
  #wrote(row: WrittenRow | undefined, count: number, seals: string, divider: string): void {
    const logged = row?.logged ?? [];
    requireTaken('events', logged.length, count);
    writtenTo(this.#db).rememberCommitted(logged, seals, divider);
  }
}

interface WrittenRow {
  /** The cursors of what was written, in order. */
  readonly logged: readonly (number | string)[] | null;
}

/** In the order of the function's columns. null: a value holds a divider, or is empty. */
function valuesOf(seals: Seals, event: NewEvent, phrase: Phrase | null): readonly string[] | null {
  const { type, approval, server, tool, grant, actor } = event;
  for (const value of [approval, server, tool, grant, actor]) {
    if (value !== null && (value === '' || value.includes(DIVIDER) || value.includes(NULL))) return null;
  }
  const at = event.at.toISOString();
  const { body, seal } =
    phrase === null ? eventRow(seals, event) : phrased(seals, phrase.body(at, event.data.fingerprint as string));
  const id = phrase === null ? NULL : phrase.id;
  return [body, type, at, approval ?? NULL, server ?? NULL, tool ?? NULL, grant ?? NULL, actor, id, seal];
}

function phrased(seals: Seals, body: string): { readonly body: string; readonly seal: string } {
  return { body, seal: seals.sealOnce('event', body) };
}
