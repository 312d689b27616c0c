import { type Context, Hono } from 'hono';
import type { Gateway } from '../../gateway/gateway.ts';
import { exportLog } from '../../gateway/log/export.ts';
import { type Records, Unavailable } from '../../ports.ts';
import { pause } from '../../time/pause.ts';
import { isAdmin } from '../http/admin.ts';
import { eventJson } from './approval-json.ts';
import { readQuery } from './audit-query.ts';

export interface AuditDeps {
  readonly gateway: Gateway;
  readonly records: Pick<Records, 'search' | 'cards'>;
  readonly adminToken: string | null;
}

const MOST = 500;
/** Milliseconds: the longest that a tail waits for news, and between two looks. */
const LONGEST_WAIT_MS = 30_000;
const LOOK_MS = 500;

/** Other names for the search's fields, as the command line has them. */
const ALIASES: Readonly<Record<string, string>> = { from: 'since', to: 'until', agent: 'grant', types: 'type' };

/**
 * The log for programs, with the admin token; whoever has none is left to the API's own refusal.
 * - `GET /api/events?type=&server=&tool=&grant=&approver=&since=&until=&state=&text=&before=`: a search, newest first.
 *   Without any of these the API lists events in order of writing.
 * - `GET /api/events/tail?after=SEQ&wait=SECONDS`: sealed events from a place in the chain on; waits for the first.
 * - `GET /api/events/export`: everything as JSON Lines, for `holdfast audit verify`; `?cards=1`: with what cards showed.
 * - `GET /api/checkpoints?after=SEQ`: signed checkpoints and the public keys.
 */
export function auditApi({ gateway, records, adminToken }: AuditDeps): Hono {
  const app = new Hono();
  const { ledger, vault, clock, log } = gateway;
  const known = (c: Context): boolean => isAdmin(c.req.header('authorization'), adminToken);

  app.get('/api/events', async (c, next) => {
    const asked = readQuery((name) => c.req.query(name) ?? c.req.query(ALIASES[name] ?? name));
    if (!known(c) || Object.keys(asked.query).length === 0) return next();
    if (asked.faults.length > 0) return c.json({ error: 'bad_query', reason: asked.faults.join(' ') }, 400);
    const limit = Number(c.req.query('limit') ?? 50);
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST) {
      return c.json({ error: 'bad_limit', reason: `limit is a whole number from 1 to ${MOST}.` }, 400);
    }
    gateway.accessLog.read('events');
    const found = await records.search({ ...asked.filter, limit });
    return c.json({ items: found.items.map(eventJson), next: found.next });
  });

  app.get('/api/events/tail', async (c, next) => {
    if (!known(c)) return next();
    gateway.accessLog.read('events');
    const after = c.req.query('after') === undefined ? (await ledger.ends()).head : Number(c.req.query('after'));
    if (!Number.isSafeInteger(after) || after < 0) {
      return c.json(
        { error: 'bad_after', reason: 'after is a place in the chain: the seq of the last event you have.' },
        400,
      );
    }
    const waitMs = Math.min(LONGEST_WAIT_MS, Math.max(0, Number(c.req.query('wait') ?? 0) * 1_000 || 0));
    const until = clock.now().getTime() + waitMs;
    let links = await ledger.chain(after, MOST, { phrases: false });
    while (links.length === 0 && clock.now().getTime() < until && !c.req.raw.signal.aborted) {
      await pause(LOOK_MS);
      links = await ledger.chain(after, MOST, { phrases: false });
    }
    const items = links.map(({ n, seq, hash, text }) => ({ ...(JSON.parse(text) as object), n, seq, hash }));
    return c.json({ items, next: String(links.at(-1)?.seq ?? after) });
  });

  app.get('/api/events/export', (c, next) => {
    if (!known(c)) return next();
    const at = clock.now();
    const nothing = { approval: null, server: null, tool: null, grant: null };
    gateway.journal.note({
      ...nothing,
      type: 'admin.read',
      at,
      actor: 'admin',
      data: { what: 'export', cards: c.req.query('cards') === '1' },
    });
    const headers = {
      'content-type': 'application/x-ndjson',
      'content-disposition': 'attachment; filename="audit.jsonl"',
    };
    const cards = c.req.query('cards') === '1' ? records : null;
    const broke = (error: unknown): void => log.warn({ err: error }, 'an export broke off');
    return Promise.resolve(c.body(streamOf(exportLog(ledger, at, vault.publicKeys, cards), broke), 200, headers));
  });

  app.get('/api/checkpoints', async (c, next) => {
    if (!known(c)) return next();
    const after = Number(c.req.query('after') ?? 0) || 0;
    const { checkpoint } = await ledger.ends();
    const some = (await ledger.checkpoints(after, checkpoint)).slice(0, MOST);
    const items = some.map(({ seq, text, signature }) => ({ seq, checkpoint: JSON.parse(text) as object, signature }));
    const last = some.at(-1)?.seq ?? checkpoint;
    return c.json({ keys: vault.publicKeys, items, next: last < checkpoint ? String(last) : null });
  });

  app.onError((error, c) => {
    if (!(error instanceof Unavailable)) throw error;
    return c.json({ error: 'unavailable', reason: `The ${error.part} does not answer. Try again in a minute.` }, 503);
  });
  return app;
}

/** A page is made when the reader has taken the one before. One that breaks off has no end line, and shows it. */
function streamOf(lines: AsyncGenerator<string>, broke: (error: unknown) => void): ReadableStream<Uint8Array> {
  const utf8 = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await lines.next();
          if (done) controller.close();
          else controller.enqueue(utf8.encode(value));
        } catch (error) {
          broke(error);
          controller.error(error);
        }
      },
      cancel: async () => void (await lines.return(undefined)),
    },
    { highWaterMark: 0 },
  );
}
