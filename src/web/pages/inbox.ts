import { html } from 'hono/html';
import { type Approval, type ApprovalGlance, STATES } from '../../domain/approval/approval.ts';
import type { CurrentApprovers } from '../../domain/approval/current.ts';
import type { EarlierCall } from '../../domain/approval/second-look.ts';
import type { Snooze } from '../../domain/approval/snooze.ts';
import { grantNameOf } from '../../domain/people/principal.ts';
import { beholderOf } from '../../gateway/decision/beholder.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { withoutSnoozed } from '../../gateway/snooze/without-snoozed.ts';
import type { PendingPage } from '../../ports.ts';
import { plural } from '../../text/plural.ts';
import type { Html } from '../html/html.ts';
import { stateBadge, toolName } from '../html/labels.ts';
import { liveIndicator, newsLine } from '../html/page.ts';
import { type PersonNames, personName } from '../html/person.ts';
import { count, timeAgo, timestamp } from '../html/time.ts';
import { visibleName } from '../html/visible-text.ts';
import type { Reviewer } from '../http/reviewer.ts';
import { lacksRole } from './decide-form.ts';
import { type InboxQuery, inboxLink, isFiltered, pendingFilter, RISK_CHOICES } from './inbox-query.ts';
import { type CallPlace, waitingCard } from './waiting-card.ts';

/** Pending approvals on one page, and others listed below them. */
const WAITING_PER_PAGE = 25;
const MAX_RECENT = 12;
/** Earlier approvals of the same call that a card or page names. */
export const EARLIER_SHOWN = 3;

/** What the inbox shows. */
export interface Inbox {
  readonly query: InboxQuery;
  readonly waiting: PendingPage;
  /** The newest approvals that are no longer pending. */
  readonly recent: readonly ApprovalGlance[];
  /** What this reviewer put aside, hidden unless the query shows it. */
  readonly snoozed: readonly Snooze[];
  /** Earlier approvals of the same call, by approval. */
  readonly earlier: ReadonlyMap<string, readonly EarlierCall[]>;
  /** Who may decide it by today's configuration. */
  readonly approvers: (approval: Approval) => CurrentApprovers;
  /** The people of the config, by their ids. */
  readonly names: PersonNames;
  readonly placeOf: (approval: Approval) => CallPlace;
  /** What became of approvals that a live page shows and this one would not; empty text: still pending. By id. */
  readonly others: ReadonlyMap<string, string>;
  /** What the filter offers. */
  readonly servers: readonly string[];
  readonly grants: readonly string[];
}

/** Reads the inbox. Throws `Unavailable('store')`. */
export async function readInbox(
  gateway: Pick<Gateway, 'clock' | 'rules' | 'snoozes' | 'store'>,
  reviewer: Reviewer,
  query: InboxQuery,
  shown: ReadonlyMap<string, number>,
): Promise<Omit<Inbox, 'grants' | 'names' | 'placeOf' | 'servers'>> {
  const { store, rules } = gateway;
  const own = await withoutSnoozed(gateway, reviewer.id, pendingFilter(query));
  const filter = query.snoozed === undefined ? own.filter : pendingFilter(query);
  const page = { after: query.after, limit: WAITING_PER_PAGE };
  const [waiting, recent] = await Promise.all([
    store.pending(beholderOf(reviewer, rules.persons()), filter, page),
    store.glance({ states: STATES.filter((state) => state !== 'pending'), limit: MAX_RECENT }),
  ]);
  const ids = waiting.items.map(({ id }) => id);
  // A call that expires sooner may have pushed one off the page: that one still waits.
  const gone = new Map([...shown].filter(([id]) => !ids.includes(id)));
  const changed = new Map((await store.changed(gone)).map((approval) => [approval.id, became(approval)]));
  return {
    query,
    waiting,
    recent,
    snoozed: own.snoozed,
    others: new Map([...gone.keys()].map((id) => [id, changed.get(id) ?? ''])),
    earlier: await store.earlier(ids, EARLIER_SHOWN),
    approvers: (approval) => rules.approvers(approval),
  };
}

/** Pending approvals, what waits for the reviewer first and then the soonest to expire, and those that recently left that state. */
export function inboxPage(inbox: Inbox, reviewer: Reviewer, now: Date): Html {
  const { query, waiting } = inbox;
  const cards = waiting.items.map((approval) => {
    const earlier = inbox.earlier.get(approval.id) ?? [];
    const current = inbox.approvers(approval);
    return waitingCard(approval, {
      reviewer,
      current,
      earlier,
      names: inbox.names,
      place: inbox.placeOf(approval),
      snooze: inbox.snoozed.find((one) => one.approval === approval.id) ?? null,
      together: true,
      now,
    });
  });
  return html`<div class="head"><h1>Approvals</h1>${liveIndicator()}
      <button type="button" class="quiet" data-notify aria-pressed="false" hidden>Notify me of new calls</button></div>
    <section aria-labelledby="waiting-head">
      <div class="queue-head"><h2 id="waiting-head" tabindex="-1" data-news-focus>Waiting for a decision</h2>
        <div id="tally" data-live>${tally(inbox)}</div></div>
      <div id="snoozed" data-live>${snoozedLine(inbox, now)}</div>
      ${filterForm(inbox)}
      ${lacksRole(reviewer) ? '' : batchBar()}
      ${newsLine('many')}
      <div id="inbox" class="cards" data-live data-asked="${String(now.getTime())}">${cards.length > 0 ? cards : nothingWaiting(inbox)}</div>
      <div id="others" hidden>${[...inbox.others].map(([id, words]) => html`<i data-key="${id}" data-became="${words}"></i>`)}</div>
      <nav class="pages" aria-label="Pages of approvals">
        ${query.after === undefined ? '' : html`<a href="${inboxLink(query, { after: '' })}">First page</a>`}
        ${waiting.next === null ? '' : html`<a rel="next" href="${inboxLink(query, { after: waiting.next })}">Next page</a>`}
      </nav>
      ${keyHelp()}
    </section>
    <section aria-labelledby="recent-head">
      <h2 id="recent-head">Recent decisions</h2>
      <ul id="recent" class="rows" data-live>${inbox.recent.map((approval) => recentRow(approval, inbox.names, now))}</ul>
      <p><a href="/audit?types=approval.requested">All approvals in the audit log</a></p>
    </section>`;
}

/**
 * Always there, so that nothing moves when a call is selected, and there when the first call comes to an open page; without a
 * call it is not to be seen. Its buttons open a question that shows the calls in full.
 */
function batchBar(): Html {
  return html`<div class="batch" data-batch role="group" aria-label="Decide selected calls together">
    <span data-batch-count data-idle="Select calls to decide them together" role="status">Select calls to decide them together</span>
    <button type="button" data-choice="approve" aria-disabled="true">Approve selected…</button>
    <button type="button" data-choice="deny" aria-disabled="true">Deny selected…</button></div>`;
}

function keyHelp(): Html {
  return html`<details class="keys" data-keys><summary>Keys</summary>
    <p><kbd>j</kbd> next call · <kbd>k</kbd> previous call · <kbd>x</kbd> select it · <kbd>a</kbd> approve or <kbd>d</kbd> deny what is selected, after a question · <kbd>Enter</kbd> open it · <kbd>n</kbd> show what is new · <kbd>/</kbd> search · <kbd>?</kbd> these keys. None of them decides by itself.</p>
    <p class="tick"><input id="keys-on" type="checkbox" checked><label for="keys-on">Use these keys</label></p></details>`;
}

/** Past the navigation and the filter; empty when nothing waits. */
export function skipToFirstCall({ waiting }: Pick<Inbox, 'waiting'>): Html {
  const [first] = waiting.items;
  return first === undefined
    ? html``
    : html`<a class="skip" href="#card-${first.id}">Skip to the first waiting call</a>`;
}

/** How many wait, for whom, and which of them are here. */
function tally({ query, waiting }: Inbox): Html {
  const { total, matching, mine, before, items } = waiting;
  const rev = `${total}.${matching}.${mine}.${before}.${items.length}`;
  const others = matching - mine;
  const whose = mine === 0 ? 'none for you' : others === 0 ? 'all for you' : `${count(mine)} for you, which come first`;
  const found = isFiltered(query) ? html`${count(matching)} of ${count(total)} match` : html`${count(total)} waiting`;
  const here =
    items.length === matching
      ? ''
      : html`; here ${count(before + 1)} to ${count(before + items.length)}, the soonest to expire first`;
  return html`<p class="tally" data-key="tally" data-rev="${rev}">${total === 0 ? html`Nothing is waiting` : html`<b>${found}</b>${matching === 0 ? '' : html` · ${whose}`}${here}`}</p>`;
}

/** What this reviewer put aside, and how they see it; nobody else is told. The page reads itself again when the first is back. */
function snoozedLine({ query, snoozed }: Inbox, now: Date): Html {
  const [first] = snoozed;
  const last = snoozed.at(-1);
  if (first === undefined || last === undefined) return html``;
  const rev = `${snoozed.length}.${first.until.getTime()}.${query.snoozed ?? ''}`;
  const many = `${count(snoozed.length)} ${plural(snoozed.length, 'call')}`;
  const when = html`until ${timestamp(last.until)}${snoozed.length === 1 ? '' : ' at the latest'}`;
  const link =
    query.snoozed === undefined
      ? html`<a href="${inboxLink(query, { snoozed: 'show', after: '' })}">Show ${snoozed.length === 1 ? 'it' : 'them'}</a>`
      : html`<a href="${inboxLink(query, { snoozed: '', after: '' })}">Hide ${snoozed.length === 1 ? 'it' : 'them'}</a>`;
  return html`<p class="snoozed" data-key="snoozed" data-rev="${rev}" data-back-in="${String(Math.max(0, first.until.getTime() - now.getTime()))}">
    <span aria-hidden="true">💤</span> ${many} snoozed for you, ${when}. ${link}</p>`;
}

function nothingWaiting({ query, waiting }: Inbox): Html {
  const words =
    isFiltered(query) && waiting.total > 0
      ? html`None of the ${count(waiting.total)} waiting ${plural(waiting.total, 'call')} matches. <a href="/">Show all</a>`
      : query.after !== undefined && waiting.matching > 0
        ? html`There are no more calls. <a href="${inboxLink(query, { after: '' })}">First page</a>`
        : html`Nothing is waiting. A call that needs a decision appears here by itself.`;
  return html`<p class="empty" data-key="nothing" data-rev="${isFiltered(query) ? waiting.total : 0}">${words}</p>`;
}

/** Unfolded while it leaves anything out. */
function filterForm({ query, servers, grants }: Inbox): Html {
  return html`<details class="filters" ${isFiltered(query) ? 'open' : ''}><summary>Search and filter</summary>
    <form class="search" role="search" action="/" method="get">
      <div class="wide"><label for="q-text">Text</label><input id="q-text" name="text" type="search" value="${query.text ?? ''}"
        placeholder="Part of an argument, a name, an approval id, a fingerprint"></div>
      ${choice('server', 'Server', query.server, servers)}
      <div><label for="q-tool">Tool</label><input id="q-tool" name="tool" value="${query.tool ?? ''}" autocomplete="off" spellcheck="false"></div>
      ${choice('agent', 'Agent', query.agent, grants)}
      ${choice('risk', 'Risk', query.risk, RISK_CHOICES)}
      <div class="tick"><input id="q-mine" name="mine" type="checkbox" value="yes" ${query.mine === undefined ? '' : 'checked'}>
        <label for="q-mine">Only calls that wait for me</label></div>
      <div class="buttons wide"><button type="submit" class="main">Filter</button><a class="button" href="/">Clear</a></div>
    </form></details>`;
}

/** A choice among names; one that was asked for and is not among them stays. */
function choice(field: string, label: string, value: string | undefined, options: readonly string[]): Html {
  const all = value === undefined || options.includes(value) ? options : [value, ...options];
  return html`<div><label for="q-${field}">${label}</label><select id="q-${field}" name="${field}"><option value="">any</option>
    ${all.map((option) => html`<option value="${option}" ${option === value ? 'selected' : ''}>${option}</option>`)}</select></div>`;
}

function recentRow(approval: ApprovalGlance, names: PersonNames, now: Date): Html {
  const last = approval.decisions.at(-1);
  return html`<li data-key="${approval.id}" data-rev="${approval.revision}">
    ${stateBadge(approval.state)}
    <a href="/approvals/${approval.id}">${toolName(approval.server, approval.tool)}</a>
    <span class="dim">${visibleName(grantNameOf(approval.grant))}${last === undefined ? '' : html` · ${last.choice === 'approve' ? 'approved' : 'denied'} by ${personName(last.approver, names)}`} · ${timeAgo(approval.updatedAt, now)}</span>
  </li>`;
}

/** What became of an approval that was decided or has ended, in one sentence; empty while it is pending. */
export function became({ state, decisions, note }: Approval): string {
  const last = decisions.at(-1);
  const by = last === undefined ? '' : ` by ${last.person ?? last.approver}`;
  switch (state) {
    case 'pending':
      return '';
    case 'denied':
      return `Denied${by}.`;
    case 'expired':
      return 'It has expired.';
    case 'withdrawn':
      return 'The agent no longer wants it.';
    case 'lapsed':
      return `It will not run${note === null ? '' : `: ${note}`}.`;
    default:
      return `Approved${by}.`;
  }
}
