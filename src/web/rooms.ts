import type { Context, Hono } from 'hono';
import { html } from 'hono/html';
import type { ProvenEvent } from '../ports.ts';
import { activityPage, CALL_EVENTS } from './activity-page.ts';
import { approvalPage } from './approval-page.ts';
import { auditPage, eventPage } from './audit-page.ts';
import { readQuery } from './audit-query.ts';
import type { ConsoleDeps, Env } from './console.ts';
import { grantsPage } from './grants-page.ts';
import { inboxPage, readInbox } from './inbox-page.ts';
import { overviewPage, SPANS, type Span } from './overview-page.ts';
import { page, type Room } from './page.ts';
import { policiesPage } from './policies-page.ts';
import { Reads } from './reads.ts';
import { type Cards, cardsNamed } from './seen-card.ts';
import type { Html } from './shown.ts';
import { readLists } from './tools-listed.ts';
import { vouch } from './vouch.ts';

/** Links checked one by one for each look at the log. */
const LINKS = 500;
const ROWS = 60;
const MOST_COUNTED = 100;

/** The pages of a reviewer who is signed in. All of them only read. */
export function rooms(app: Hono<Env>, deps: ConsoleDeps): void {
  const { gateway, records, book, revocations, proof } = deps;
  const { store, clock } = gateway.setting;
  const reads = new Reads(gateway);
  const { vault } = gateway.setting;
  const chainOf = async (newest: number) => vouch(await records.chain(newest), proof, vault.publicKeys);
  const cardsOf = async (events: readonly ProvenEvent[]): Promise<Cards> => {
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
    const span: Span = Object.hasOwn(SPANS, c.req.query('span') ?? '') ? (c.req.query('span') as Span) : 'day';
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
  c: Context<Env>,
  { gateway }: ConsoleDeps,
  title: string,
  room: Room | null,
  body: Html,
  known?: number,
): Promise<Response> {
  const pending =
    known ?? (await gateway.setting.store.list({ states: ['pending'], limit: MOST_COUNTED })).items.length;
  return c.html(page({ title, room, body, reviewer: c.get('visit').reviewer.name, waiting: pending }));
}

async function missing(c: Context<Env>, deps: ConsoleDeps, words: string): Promise<Response> {
  c.status(404);
  return show(
    c,
    deps,
    'Not found',
    null,
    html`<h1>Not found</h1><p>${words}</p><p><a href="/audit">Search the audit log</a></p>`,
  );
}
