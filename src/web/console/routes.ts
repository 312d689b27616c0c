import type { Context, Hono } from 'hono';
import { html } from 'hono/html';
import { AdminReads } from '../../gateway/log/reads.ts';
import type { ProvenEvent } from '../../ports.ts';
import { readQuery } from '../api/audit-query.ts';
import { page, type Section } from '../html/page.ts';
import type { Html } from '../html/shown.ts';
import { activityPage, CALL_EVENTS } from '../pages/activity.ts';
import { approvalPage } from '../pages/approval.ts';
import { auditPage, eventPage } from '../pages/audit.ts';
import { grantsPage } from '../pages/grants.ts';
import { inboxPage, readInbox } from '../pages/inbox.ts';
import { overviewPage, SPANS, type TimeSpan } from '../pages/overview.ts';
import { policiesPage } from '../pages/policies.ts';
import { cardsNamed, type ShownCards } from '../pages/shown-cards.ts';
import { readLists } from '../pages/tools-listed.ts';
import { vouch } from '../pages/vouch.ts';
import type { ConsoleDeps, ConsoleEnv } from './context.ts';

/** Links checked one by one for each look at the log. */
const LINKS = 500;
const ROWS = 60;
const MOST_COUNTED = 100;

/** The pages of a reviewer who is signed in. All of them only read. */
export function consoleRoutes(app: Hono<ConsoleEnv>, deps: ConsoleDeps): void {
  const { gateway, records, book, revocations, proof } = deps;
  const { store, clock } = gateway;
  const reads = new AdminReads(gateway);
  const { vault } = gateway;
  const chainOf = async (newest: number) => vouch(await records.chain(newest), proof, vault.publicKeys);
  const cardsOf = async (events: readonly ProvenEvent[]): Promise<ShownCards> => {
    return { contents: await records.cards(cardsNamed(events)), sha256: (text) => proof.sha256(text) };
  };

  app.get('/', async (c) => {
    const inbox = await readInbox(store);
    for (const approval of inbox.waiting) reads.approval(c.get('visit'), approval, 'inbox');
    return show(
      c,
      deps,
      'Approvals',
      '/',
      inboxPage(inbox, c.get('visit').reviewer, clock.now()),
      inbox.waiting.length,
    );
  });

  app.get('/approvals/:id', async (c) => {
    const approval = await store.find(c.req.param('id').slice(0, 100));
    if (approval === null) return missing(c, deps, 'There is no such approval.');
    const [story, chain] = await Promise.all([records.story(approval.id), chainOf(1)]);
    const cards = await cardsOf(story);
    reads.approval(c.get('visit'), approval, 'approval');
    const view = { approval, story, chain, cards, reviewer: c.get('visit').reviewer, now: clock.now() };
    return show(c, deps, `${approval.server}.${approval.tool}`, '/', approvalPage(view));
  });

  app.get('/activity', async (c) => {
    const chain = await records.chain(1);
    const found = await records.search({ types: CALL_EVENTS, limit: ROWS });
    const sealed = found.items.filter((event) => event.seq !== null && event.seq <= chain.seq);
    return show(c, deps, 'Activity', '/activity', activityPage(sealed, chain.seq));
  });

  app.get('/audit', async (c) => {
    const asked = readQuery((name) => c.req.query(name));
    const [found, chain] = await Promise.all([records.search(asked.filter), chainOf(LINKS)]);
    const known = { servers: book.servers().map((one) => one.name), grants: book.grants().map((one) => one.name) };
    return show(c, deps, 'Audit', '/audit', auditPage(asked, found, chain, known, clock.now()));
  });

  app.get('/audit/events/:n{[0-9]{1,15}}', async (c) => {
    const event = await records.event(Number(c.req.param('n')));
    if (event === null) return missing(c, deps, 'There is no such event.');
    const chain = await chainOf(1);
    const story = event.approval === null ? [] : await records.story(event.approval);
    const cards = await cardsOf([...story, event]);
    reads.event(c.get('visit'), event);
    return show(c, deps, `Event ${event.n}`, '/audit', eventPage(event, story, chain, cards));
  });

  app.get('/overview', async (c) => {
    const span: TimeSpan = Object.hasOwn(SPANS, c.req.query('span') ?? '') ? (c.req.query('span') as TimeSpan) : 'day';
    const now = clock.now();
    const { ms, slotMs } = SPANS[span];
    const from = new Date((Math.floor(now.getTime() / slotMs) - ms / slotMs) * slotMs);
    const [tally, unknown, waiting] = await Promise.all([
      records.tally(from, new Date(now.getTime() + 60_000), slotMs),
      store.list({ states: ['unknown'], limit: 20 }),
      store.list({ states: ['pending'], limit: MOST_COUNTED }),
    ]);
    const overview = {
      span,
      tally,
      unknown: unknown.items,
      waiting: waiting.items,
      waitingMore: waiting.next !== null,
    };
    return show(c, deps, 'Overview', '/overview', overviewPage({ ...overview, book, now }));
  });

  app.get('/policies', async (c) => {
    const servers = book.servers();
    const [called, lists] = await Promise.all([records.toolsSeen(), readLists(records, servers)]);
    const view = { servers, grants: book.grants(), called, lists, mayAsk: deps.askServer !== undefined };
    return show(c, deps, 'Policies', '/policies', policiesPage(view));
  });

  app.get('/grants', async (c) => {
    const grants = book.grants();
    const [lastUses, revoked] = await Promise.all([
      records.lastUses(grants.map((one) => one.name)),
      revocations.list(),
    ]);
    return show(c, deps, 'Grants', '/grants', grantsPage({ grants, lastUses, revocations: revoked, now: clock.now() }));
  });
}

async function show(
  c: Context<ConsoleEnv>,
  { gateway }: ConsoleDeps,
  title: string,
  room: Section | null,
  body: Html,
  known?: number,
): Promise<Response> {
  const pending = known ?? (await gateway.store.list({ states: ['pending'], limit: MOST_COUNTED })).items.length;
  return c.html(page({ title, room, body, reviewer: c.get('visit').reviewer.name, waiting: pending }));
}

async function missing(c: Context<ConsoleEnv>, deps: ConsoleDeps, words: string): Promise<Response> {
  c.status(404);
  return show(
    c,
    deps,
    'Not found',
    null,
    html`<h1>Not found</h1><p>${words}</p><p><a href="/audit">Search the audit log</a></p>`,
  );
}
