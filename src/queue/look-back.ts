import type { IQueueBackend } from 'bullmq';
import type { SchemaPool } from './schema-pool.ts';

/** How far back each read looks, in event ids: as many events may be committed while one transaction takes its time. */
const BACK = 500;

interface StreamEntry {
  readonly id: string;
  readonly data: Record<string, unknown>;
}

/**
 * Makes every read of events look back for completions that were missed. BullMQ reads its event table on Postgres with
 * a cursor over a sequence. Ids are given before transactions commit, so under concurrency an event may appear behind
 * the cursor and never be read: under load about one in a hundred.
 */
export function lookBack(backend: IQueueBackend, queue: string, pool: SchemaPool): void {
  const read = backend.readEvents.bind(backend);
  const seen = new Set<number>();
  let start: number | null = null;
  let cursor = 0;

  async function missed(): Promise<[string, string[]][]> {
    const { rows } = await pool.query<StreamEntry>(
      `select id::text, data from bullmq.event
       where queue = $1 and event = 'completed' and id > $2 and id <= $3 order by id`,
      [queue, Math.max(start ?? 0, cursor - BACK), cursor],
    );
    return rows.filter((row) => !seen.has(Number(row.id))).map((row) => [row.id, fieldsOf(row)]);
  }

  backend.readEvents = async (from, blockMs) => {
    if (start === null) cursor = start = Number(from);
    const fresh = ((await read(String(cursor), blockMs))?.[0]?.[1] ?? []) as [string, string[]][];
    const late = await missed();
    const found = [...late, ...fresh];
    for (const [id] of found) {
      seen.add(Number(id));
      cursor = Math.max(cursor, Number(id));
    }
    for (const id of seen) if (id <= cursor - BACK) seen.delete(id);
    return found.length === 0 ? null : [['events', found]];
  };
}

function fieldsOf(entry: StreamEntry): string[] {
  const fields = Object.entries(entry.data).flatMap(([name, value]) => [name, String(value)]);
  return ['event', 'completed', ...fields];
}
