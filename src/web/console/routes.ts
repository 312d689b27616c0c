import type { Context, Hono } from 'hono';
import { html } from 'hono/html';
import { type Approval, STATES } from '../../domain/approval/approval.ts';
import { judgeAccess } from '../../domain/people/access.ts';
import { rolesOf } from '../../domain/people/identity.ts';
import { operates } from '../../gateway/freeze/set-freeze.ts';
import { AdminReads } from '../../gateway/log/reads.ts';
import { isSamePerson } from '../../gateway/person/keys.ts';
import { MOST_TOKEN_DAYS } from '../../gateway/person/tokens.ts';
import type { PersonKey, ProvenEvent } from '../../ports.ts';
import { parseAuditQuery } from '../api/audit-query.ts';
import { periodIn } from '../api/oversight-query.ts';
import type { Html } from '../html/html.ts';
import { type ConsoleSection, consolePage } from '../html/page.ts';
import { ownCalls } from '../http/own-calls.ts';
import { activityPage, CALL_EVENTS } from '../pages/activity.ts';
import { allowancesPage } from '../pages/allowances.ts';
import { approvalPage } from '../pages/approval.ts';
import { auditPage, eventPage } from '../pages/audit.ts';
import { chainStatus } from '../pages/chain-status.ts';
import { freezeBanner, freezesPage } from '../pages/freezes.ts';
import { grantsPage } from '../pages/grants.ts';
import { EARLIER_SHOWN, inboxPage, readInbox, skipToFirstCall } from '../pages/inbox.ts';
import { parseInboxQuery, parseShown } from '../pages/inbox-query.ts';
import { latestToolLists } from '../pages/listed-tools.ts';
import { minePage, nobodysAgents, OWN_ROWS, OWN_WAITING } from '../pages/mine.ts';
import { oversightPage } from '../pages/oversight.ts';
import { overviewPage, SPANS, type TimeSpan } from '../pages/overview.ts';
import { passkeysPage } from '../pages/passkeys.ts';
import { peoplePage, tokensPage } from '../pages/people.ts';
import { policiesPage } from '../pages/policies.ts';
import { cardDigests, type ShownCards } from '../pages/shown-cards.ts';
import { callPlaceOf } from '../pages/waiting-card.ts';
import { watchBanner } from '../pages/watch-banner.ts';
import type { ConsoleDeps, ConsoleEnv } from './context.ts';
import { consoleExports } from './exports.ts';

/** The newest events whose hashes are checked each time the Audit page is shown. */
const CHECKED_EVENTS = 500;
/** Rows of Activity on a fresh page. */
const ACTIVITY_ROWS = 60;

/** Living allowances, and standing denials, on their page, and those that ended. */
const ADVANCE_ROWS = 500;
const ENDED_ROWS = 20;

/** The pages of a signed-in reviewer. All of them only read; which details were read is logged. */
export function consoleRoutes(app: Hono<ConsoleEnv>, deps: ConsoleDeps): void {
  const { gateway, records, config, revocations, proof } = deps;
  const { store, clock, vault } = gateway;
  const reads = new AdminReads(gateway);
  const names = () => gateway.rules.persons().names;
  const chainOf = async (newest: number) => chainStatus(await records.chain(newest), proof, vault.publicKeys);
  const cardsOf = async (events: readonly ProvenEvent[]): Promise<ShownCards> => {
    return { contents: await records.cards(cardDigests(events)), sha256: (text) => proof.sha256(text) };
  };

  app.get('/', async (c) => {
    const { reviewer } = c.get('login');
    const query = parseInboxQuery((name) => c.req.query(name));
    const found = await readInbox(gateway, reviewer, query, parseShown(c.req.header('x-shown')));
    for (const approval of found.waiting.items) reads.approval(c.get('login'), approval, 'inbox');
    const servers = config.servers().map(({ name }) => name);
    const grants = config.grants().map(({ name }) => name);
    const body = inboxPage(
      { ...found, servers, grants, names: names(), placeOf: (approval) => callPlaceOf(config, approval) },
      reviewer,
      clock.now(),
    );
    return show(c, deps, 'Approvals', '/', body, found.waiting.total, skipToFirstCall(found));
  });

  app.get('/mine', async (c) => {
    const { reviewer } = c.get('login');
    const owned = ownCalls(reviewer.id, gateway.rules.persons(), config.grants());
    if (owned === null) return show(c, deps, 'My agents', '/mine', nobodysAgents());
    const after = c.req.query('after')?.slice(0, 100);
    const others = { owned, states: STATES.filter((state) => state !== 'pending'), limit: OWN_ROWS };
    const view = {
      grants: owned.grants,
      waiting: after ? null : await store.list({ owned, states: ['pending'], limit: OWN_WAITING }),
      others: await store.list({ ...others, ...(after ? { after } : {}) }),
      approvers: (approval: Approval) => gateway.rules.approvers(approval),
      names: names(),
      placeOf: (approval: Approval) => callPlaceOf(config, approval),
      reviewer,
      now: clock.now(),
    };
    for (const approval of view.waiting?.items ?? []) reads.approval(c.get('login'), approval, 'mine');
    return show(c, deps, 'My agents', '/mine', minePage(view));
  });

  consoleExports(app, deps, reads);

  app.get('/approvals/:id', async (c) => {
    const approval = await store.find(c.req.param('id').slice(0, 100));
    if (approval === null) return missing(c, deps, 'There is no such approval.');
    const given = { approval: approval.id, limit: 1 };
    const [story, chain, earlier, allowed, denied] = await Promise.all([
      records.story(approval.id),
      chainOf(1),
      store.earlier([approval.id], EARLIER_SHOWN),
      gateway.allowances.list(given),
      gateway.denials.list(given),
    ]);
    const cards = await cardsOf(story);
    // Whoever has signed is asked to sign anew where their passkey is gone since.
    const isSigned =
      approval.state === 'pending' && approval.decisions.some(({ signature }) => signature !== undefined);
    if (isSigned) await gateway.rules.refresh(approval);
    reads.approval(c.get('login'), approval, 'approval');
    const current = gateway.rules.approvers(approval);
    const view = {
      approval,
      story,
      chain,
      cards,
      reviewer: c.get('login').reviewer,
      current,
      earlier: earlier.get(approval.id) ?? [],
      allowance: allowed.items[0] ?? null,
      denial: denied.items[0] ?? null,
      names: names(),
      place: callPlaceOf(config, approval),
      schema: gateway.rules.inputSchema?.(approval.server, approval.tool) ?? null,
      mayErase: gateway.rules.erasable === true && operates(gateway.rules, c.get('login').reviewer),
      now: clock.now(),
    };
    return show(c, deps, `${approval.server}.${approval.tool}`, '/', approvalPage(view));
  });

  app.get('/activity', async (c) => {
    const chain = await records.chain(1);
    const found = await records.search({ types: CALL_EVENTS, limit: ACTIVITY_ROWS });
    const sealed = found.items.filter((event) => event.seq !== null && event.seq <= chain.seq);
    return show(c, deps, 'Activity', '/activity', activityPage(sealed, chain.seq, names()));
  });

  app.get('/audit', async (c) => {
    const search = parseAuditQuery((name) => c.req.query(name));
    const [found, chain] = await Promise.all([records.search(search.filter), chainOf(CHECKED_EVENTS)]);
    const choices = {
      servers: config.servers().map(({ name }) => name),
      grants: config.grants().map(({ name }) => name),
      names: names(),
    };
    return show(c, deps, 'Audit', '/audit', auditPage(search, found, chain, choices, clock.now()));
  });

  app.get('/audit/events/:n{[0-9]{1,15}}', async (c) => {
    const event = await records.event(Number(c.req.param('n')));
    const chain = await chainOf(1);
    if (event === null) {
      const gone = chain.cut === undefined ? '' : ` What happened before ${chain.cut.until.toISOString()} is archived.`;
      return missing(c, deps, `There is no such event.${gone}`);
    }
    const story = event.approval === null ? [] : await records.story(event.approval);
    const cards = await cardsOf([...story, event]);
    reads.event(c.get('login'), event);
    return show(c, deps, `Event ${event.n}`, '/audit', eventPage(event, story, chain, cards, names()));
  });

  app.get('/overview', async (c) => {
    const span: TimeSpan = Object.hasOwn(SPANS, c.req.query('span') ?? '') ? (c.req.query('span') as TimeSpan) : 'day';
    const now = clock.now();
    const { ms, slotMs } = SPANS[span];
    const from = new Date((Math.floor(now.getTime() / slotMs) - ms / slotMs) * slotMs);
    const [tally, unknown, counts] = await Promise.all([
      records.tally(from, new Date(now.getTime() + 60_000), slotMs),
      store.glance({ states: ['unknown'], limit: 20 }),
      store.counts(),
    ]);
    const { roles = null } = c.get('login').reviewer;
    const overview = {
      span,
      mayOversee: judgeAccess(roles, 'GET', '/oversight').may,
      tally,
      unknown,
      counts,
    };
    return show(
      c,
      deps,
      'Overview',
      '/overview',
      overviewPage({ ...overview, config, names: names(), now }),
      counts.pending,
    );
  });

  app.get('/oversight', async (c) => {
    const now = clock.now();
    const asked = periodIn((name) => c.req.query(name), now);
    const report = typeof asked === 'string' ? null : await gateway.oversight.report(asked);
    const view = {
      report,
      fault: typeof asked === 'string' ? asked : null,
      terms: gateway.rules.oversight ?? null,
      now,
    };
    if (report !== null) reads.oversight(c.get('login'), report);
    return show(c, deps, 'Oversight', '/overview', oversightPage(view));
  });

  app.get('/policies', async (c) => {
    const servers = config.servers();
    const [called, lists] = await Promise.all([records.toolsSeen(), latestToolLists(records, servers)]);
    const view = { servers, grants: config.grants(), called, lists, mayAsk: deps.askServer !== undefined };
    return show(c, deps, 'Policies', '/policies', policiesPage(view));
  });

  app.get('/grants', async (c) => {
    const grants = config.grants();
    const [lastUses, revoked] = await Promise.all([
      records.lastUses(grants.map(({ name }) => name)),
      revocations.list(),
    ]);
    return show(
      c,
      deps,
      'Grants',
      '/grants',
      grantsPage({ grants, lastUses, revocations: revoked, names: names(), now: clock.now() }),
    );
  });

  app.get('/allowances', async (c) => {
    const { allowances, denials } = gateway;
    const [living, ended, denied, endedDenials] = await Promise.all([
      allowances.list({ living: true, limit: ADVANCE_ROWS }),
      allowances.list({ living: false, limit: ENDED_ROWS }),
      denials.list({ living: true, limit: ADVANCE_ROWS }),
      denials.list({ living: false, limit: ENDED_ROWS }),
    ]);
    const view = {
      allowances: living.items,
      denials: denied.items,
      endedAllowances: ended.items,
      endedDenials: endedDenials.items,
      reviewer: c.get('login').reviewer,
      names: names(),
      now: clock.now(),
    };
    return show(c, deps, 'Allowances', '/allowances', allowancesPage(view));
  });

  app.get('/freezes', async (c) => {
    const [freezes, held] = await Promise.all([gateway.freezes.list(), gateway.freezes.held()]);
    const servers = config.servers().map(({ name }) => name);
    const grants = config.grants().map(({ name }) => name);
    const operator = operates(gateway.rules, c.get('login').reviewer);
    const view = { freezes, held, servers, grants, operator, names: names(), now: clock.now() };
    return show(c, deps, 'Freezes', '/freezes', freezesPage(view));
  });

  app.get('/people', async (c) => {
    const people = deps.loginSessions.people;
    const view = {
      people: people?.directory.people() ?? [],
      claims: people?.directory.claims() ?? [],
      provider: deps.loginSessions.provider?.label ?? null,
      tokens: (await people?.tokens.list(null)) ?? [],
    };
    return show(c, deps, 'People', '/people', peoplePage({ ...view, names: names(), now: clock.now() }));
  });

  app.get('/tokens', async (c) => {
    const people = deps.loginSessions.people;
    const { id } = c.get('login').reviewer;
    const roles = [...rolesOf(people?.directory.member(id)?.sources ?? [])];
    const tokens = (await people?.tokens.list(id)) ?? [];
    const view = { tokens, roles, mostDays: MOST_TOKEN_DAYS, names: names(), now: clock.now() };
    return show(c, deps, 'Tokens', '/tokens', tokensPage(view));
  });

  app.get('/passkeys', (c) => showPasskeys(c, deps));
}

/** One's own, and everybody's for those who may read or keep them. */
async function showPasskeys(c: Context<ConsoleEnv>, deps: ConsoleDeps): Promise<Response> {
  const { gateway, proof } = deps;
  const signing = deps.loginSessions.people?.signing;
  const { id, roles = null } = c.get('login').reviewer;
  const all = roles === null || roles.has('auditor') || roles.has('operator');
  const keeps = roles === null || roles.has('operator');
  const isOwn = ({ owner }: PersonKey) => isSamePerson({ gateway }, owner, id);
  const [keys, whole] = await Promise.all([signing?.keys.list() ?? [], signing?.keys.whole() ?? []]);
  const view = {
    keys: keys.filter((key) => all || isOwn(key)),
    doubtful: whole === null,
    origin: gateway.rules.signingOrigin ?? null,
    mayAdd: roles?.has('approver') === true,
    isOwn,
    mayRegister: (key: PersonKey) => keeps && key.registeredAt === null && key.endedAt === null && !isOwn(key),
    mayRevoke: (key: PersonKey) => key.endedAt === null && (keeps || isOwn(key)),
    fingerprintOf: ({ publicKey }: PersonKey) =>
      proof
        .sha256(publicKey)
        .slice(0, 24)
        .replaceAll(/.{4}(?=.)/g, '$& '),
    names: gateway.rules.persons().names,
  };
  return show(c, deps, 'Passkeys', '/passkeys', passkeysPage(view));
}

async function show(
  c: Context<ConsoleEnv>,
  { gateway }: ConsoleDeps,
  title: string,
  section: ConsoleSection | null,
  body: Html,
  knownPending?: number,
  skip?: Html,
): Promise<Response> {
  const waiting = knownPending ?? (await gateway.store.counts()).pending;
  const now = gateway.clock.now();
  const frozen = freezeBanner(gateway.knownFreezes.list, gateway.rules.persons().names, now);
  const banner = html`${frozen}${watchBanner(gateway.watchBoard.list, now)}`;
  return c.html(
    consolePage({
      title,
      section,
      body,
      reviewer: c.get('login').reviewer.name,
      roles: c.get('login').reviewer.roles ?? null,
      waiting,
      banner,
      ...(skip && { skip }),
    }),
  );
}

async function missing(c: Context<ConsoleEnv>, deps: ConsoleDeps, message: string): Promise<Response> {
  c.status(404);
  return show(
    c,
    deps,
    'Not found',
    null,
    html`<h1>Not found</h1><p>${message}</p><p><a href="/audit">Search the audit log</a></p>`,
  );
}
