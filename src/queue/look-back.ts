import type { IQueueBackend } from 'bullmq';
import type { SchemaPool } from './schema-pool.ts';

/** How far back each read looks, in ids: as many events may be committed while one transaction dawdles. */
const BACK = 500;

interface StreamEntry {
  readonly id: string;
  readonly data: Record<string, unknown>;
}

/**
 * BullMQ reads its event table with a cursor over a sequence. Ids are given before transactions commit, so under
 * concurrency an event may appear behind the cursor, and its doorbell would never ring: under load about one in a
 * hundred. So every read also looks back for completions that it has not seen.
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
    const news = ((await read(String(cursor), blockMs))?.[0]?.[1] ?? []) as [string, string[]][];
    const late = await missed();
    for (const [id] of [...late, ...news]) {
      seen.add(Number(id));
      cursor = Math.max(cursor, Number(id));
    }
    for (const id of seen) if (id <= cursor - BACK) seen.delete(id);
    const found = [...late, ...news];
    return found.length === 0 ? null : [['events', found]];
  };
}

function fieldsOf(row: StreamEntry): string[] {
  const fields = Object.entries(row.data).flatMap(([name, value]) => [name, String(value)]);
  return ['event', 'completed', ...fields];
}
