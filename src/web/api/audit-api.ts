import { type Context, Hono } from 'hono';
import { type LoggedEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import { judgeAccess } from '../../domain/people/access.ts';
import { actorOf } from '../../domain/people/actor.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { disclosed } from '../../gateway/log/disclosed.ts';
import { exportLog } from '../../gateway/log/export.ts';
import { type Records, Unavailable, Unstorable } from '../../ports.ts';
import { pause } from '../../time/pause.ts';
import { Callers } from '../http/callers.ts';
import type { LoginSessions } from '../http/login-sessions.ts';
import type { PeopleDoors } from '../http/people-doors.ts';
import type { AddressOf } from '../http/remote-address.ts';
import { eventJson } from './approval-json.ts';
import { parseAuditQuery } from './audit-query.ts';
import { archivedOf, pageJson } from './page-json.ts';

export interface AuditApiDeps {
  readonly gateway: Gateway;
  readonly records: Pick<Records, 'search' | 'cards'>;
  readonly adminToken: string | null;
  /** Absent: nobody but the admin token reads here. */
  readonly addressOf?: AddressOf;
  readonly loginSessions?: LoginSessions;
  readonly people?: PeopleDoors | undefined;
}

/** An event's text, read. */
type Told = Pick<LoggedEvent, 'approval' | 'data' | 'disclosed' | 'doubt' | 'type'>;

/** Items per page. */
const MAX_LIMIT = 500;
/** Milliseconds that a tail waits for an event, at most, and between two looks at the log. */
const MAX_WAIT_MS = 30_000;
const POLL_MS = 500;

/** The search's fields under the names of the command line's options. */
const ALIASES: Readonly<Record<string, string>> = { from: 'since', to: 'until', agent: 'grant', types: 'type' };

/**
 * The audit log for programs. Takes only requests with the admin token or of auditors; others pass on to the API, which refuses them.
 * - `GET /api/events?type=&what=&verdict=&server=&tool=&grant=&approver=&since=&until=&state=&text=&before=`: a search, newest first.
 *   Without any of these fields the API answers: events in the order of writing.
 * - `GET /api/events/tail?after=SEQ&wait=SECONDS`: sealed events after a position in the chain; waits for the first.
 * - `GET /api/events/export`: everything as JSON Lines, for `holdfast audit verify`; with `?cards=1` also what each card
 *   showed, with `?erasable=1` what can be erased, readable.
 * - `GET /api/checkpoints?after=SEQ`: signed checkpoints and the public keys.
 */
export function auditApi({ addressOf = () => null, ...deps }: AuditApiDeps): Hono {
  const { gateway, records } = deps;
  const callers = new Callers({ ...deps, addressOf });
  const app = new Hono();
  const { ledger, vault, clock, steady, log } = gateway;
  /** Who reads, as the log names them; null: somebody who may not, whom the API refuses. */
  const readerOf = async (c: Context): Promise<string | null> => {
    const caller = (await callers.byToken(c)) ?? (await callers.byLogin(c));
    // A console login with the admin token has never searched here.
    if (caller === null || (caller.by === 'login' && caller.roles === null)) return null;
    return judgeAccess(caller.roles, c.req.method, c.req.path).may ? actorOf(caller.approver) : null;
  };

  app.get('/api/events', async (c, next) => {
    const search = parseAuditQuery((name) => c.req.query(name) ?? c.req.query(ALIASES[name] ?? name));
    const reader = Object.keys(search.query).length === 0 ? null : await readerOf(c);
    if (reader === null) return next();
    if (search.faults.length > 0) return c.json({ error: 'bad_query', reason: search.faults.join(' ') }, 400);
    const limit = Number(c.req.query('limit') ?? 50);
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
      return c.json({ error: 'bad_limit', reason: `limit is a whole number from 1 to ${MAX_LIMIT}.` }, 400);
    }
    gateway.accessLog.read('events', reader);
    const found = await records.search({ ...search.filter, limit });
    return pageJson(c, found.items, eventJson, found.next, await archivedOf(ledger));
  });

  app.get('/api/events/tail', async (c, next) => {
    const reader = await readerOf(c);
    if (reader === null) return next();
    gateway.accessLog.read('events', reader);
    const after = c.req.query('after') === undefined ? (await ledger.ends()).head : Number(c.req.query('after'));
    if (!Number.isSafeInteger(after) || after < 0) {
      return c.json(
        { error: 'bad_after', reason: 'after is a position in the chain: the seq of the last event you have.' },
        400,
      );
    }
    const waitMs = Math.min(MAX_WAIT_MS, Math.max(0, Number(c.req.query('wait') ?? 0) * 1_000 || 0));
    const until = steady.now().getTime() + waitMs;
    const archived = await archivedOf(ledger);
    // Of what was cut only single events are left, which are no stretch of the chain.
    const from = Math.max(after, archived?.upTo ?? 0);
    let links = await ledger.chain(from, MAX_LIMIT, { phrases: false });
    while (links.length === 0 && steady.now().getTime() < until && !c.req.raw.signal.aborted) {
      await pause(POLL_MS);
      links = await ledger.chain(from, MAX_LIMIT, { phrases: false });
    }
    const events = links.map(({ n, seq, hash, text }) => ({ ...(JSON.parse(text) as Told), n, seq, hash }));
    const shown = ({ disclosed: _, ...event }: Told) => event;
    return pageJson(c, await disclosed(gateway, events), shown, String(links.at(-1)?.seq ?? from), archived);
  });

  app.get('/api/events/export', async (c, next) => {
    const reader = await readerOf(c);
    if (reader === null) return next();
    const at = clock.now();
    gateway.journal.note({
      ...NO_SUBJECT,
      type: 'admin.read',
      at,
      actor: reader,
      data: {
        what: 'export',
        cards: c.req.query('cards') === '1',
        ...(c.req.query('erasable') === '1' && { erasable: true }),
      },
    });
    const headers = {
      'content-type': 'application/x-ndjson',
      'content-disposition': 'attachment; filename="audit.jsonl"',
    };
    const cards = c.req.query('cards') === '1' ? records : null;
    const onFault = (error: unknown): void => log.warn({ err: error }, 'an export broke off');
    const erasable = c.req.query('erasable') === '1' ? gateway : null;
    return c.body(streamOf(exportLog(ledger, at, vault.publicKeys, cards, erasable), onFault), 200, headers);
  });

  app.get('/api/checkpoints', async (c, next) => {
    if ((await readerOf(c)) === null) return next();
    const after = Number(c.req.query('after') ?? 0) || 0;
    const { checkpoint } = await ledger.ends();
    const page = (await ledger.checkpoints(after, checkpoint)).slice(0, MAX_LIMIT);
    const items = page.map(({ seq, text, signature }) => ({ seq, checkpoint: JSON.parse(text) as object, signature }));
    const last = page.at(-1)?.seq ?? checkpoint;
    return c.json({
      log: await ledger.logId(),
      keys: vault.publicKeys,
      items,
      next: last < checkpoint ? String(last) : null,
    });
  });

  app.onError((error, c) => {
    if (error instanceof Unstorable) {
      return c.json(
        { error: 'bad_query', reason: 'A value in the query contains characters that cannot be stored.' },
        400,
      );
    }
    if (!(error instanceof Unavailable)) throw error;
    return c.json({ error: 'unavailable', reason: `The ${error.part} does not answer. Try again in a minute.` }, 503);
  });
  return app;
}

/**
 * A body that is produced only as fast as it is read. When it breaks off, the export lacks its end line, which is how a
 * verifier notices.
 */
function streamOf(lines: AsyncGenerator<string>, onFault: (error: unknown) => void): ReadableStream<Uint8Array> {
  const utf8 = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await lines.next();
          if (done) controller.close();
          else controller.enqueue(utf8.encode(value));
        } catch (error) {
          onFault(error);
          controller.error(error);
        }
      },
      cancel: async () => void (await lines.return(undefined)),
    },
    { highWaterMark: 0 },
  );
}
