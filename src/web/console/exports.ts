import type { Context, Hono } from 'hono';
import { stream } from 'hono/streaming';
import type { AdminReads } from '../../gateway/log/reads.ts';
import { approvalJson, eventJson } from '../api/approval-json.ts';
import { parseAuditQuery } from '../api/audit-query.ts';
import type { ConsoleDeps, ConsoleEnv } from './context.ts';

/** Events in one export, newest first; the whole log is `holdfast audit export`. */
const MAX_EXPORTED = 10_000;
/** Events read at once. */
const AT_ONCE = 500;

/**
 * What a page shows, as a file: `GET /audit/export` with the fields of a search, as JSON Lines, and
 * `GET /approvals/ID/export`, one JSON object. Both only read, and are logged as reading.
 */
export function consoleExports(app: Hono<ConsoleEnv>, { gateway, records }: ConsoleDeps, reads: AdminReads): void {
  app.get('/audit/export', (c) => {
    const search = parseAuditQuery((name) => c.req.query(name));
    if (search.faults.length > 0) return c.text(search.faults.join('\n'), 400);
    reads.exported(c.get('login'), { ...search.query } as Record<string, string>);
    asFile(c, 'application/x-ndjson', `holdfast-audit-${stamp(gateway.clock.now())}.jsonl`);
    return stream(c, async (out) => {
      let before = search.filter.before;
      for (let left = MAX_EXPORTED; left > 0 && !out.aborted; ) {
        const limit = Math.min(AT_ONCE, left);
        const page = await records.search({ ...search.filter, ...(before === undefined ? {} : { before }), limit });
        for (const event of page.items) await out.write(`${JSON.stringify(eventJson(event))}\n`);
        left -= page.items.length;
        if (page.next === null || page.items.length === 0) break;
        before = Number(page.next);
      }
    });
  });

  app.get('/approvals/:id/export', async (c) => {
    const approval = await gateway.store.find(c.req.param('id').slice(0, 100));
    if (approval === null) return c.text('There is no such approval.', 404);
    const story = await records.story(approval.id);
    reads.approval(c.get('login'), approval, 'export');
    asFile(c, 'application/json', `holdfast-${approval.id}.json`);
    return c.body(JSON.stringify({ approval: approvalJson(approval), events: story.map(eventJson) }, null, 2));
  });
}

function asFile(c: Context, type: string, name: string): void {
  c.header('content-type', type);
  c.header('content-disposition', `attachment; filename="${name}"`);
}

function stamp(at: Date): string {
  return at.toISOString().slice(0, 16).replaceAll(':', '-');
}
