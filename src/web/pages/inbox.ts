import { html } from 'hono/html';
import { type Approval, STATES } from '../../domain/approval/approval.ts';
import type { CurrentApprovers } from '../../domain/approval/current.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Html } from '../html/html.ts';
import { riskBadge, stateBadge, toolName } from '../html/labels.ts';
import { liveIndicator } from '../html/page.ts';
import { countdown, timeAgo } from '../html/time.ts';
import { visibleName, visibleText } from '../html/visible-text.ts';
import type { Reviewer } from '../http/reviewer.ts';
import { decideForm } from './decide-form.ts';
import { requirementSummary } from './requirement-summary.ts';
import { callerMayHide, callInFull, shownLength } from './shown-call.ts';

/** Characters of arguments, and of what is sent besides them, that the inbox shows; longer ones are shown only on the approval's own page. */
const MAX_ARGUMENTS_LENGTH = 6_000;
/** Pending approvals shown, and others listed below them. */
const MAX_WAITING_SHOWN = 50;
const MAX_RECENT = 12;

/** What the inbox shows. */
export interface Inbox {
  readonly waiting: readonly Approval[];
  /** Whether more are pending than are shown. */
  readonly more: boolean;
  /** The newest approvals that are no longer pending. */
  readonly recent: readonly Approval[];
  /** Who may decide it by today's configuration. */
  readonly approvers: (approval: Approval) => CurrentApprovers;
}

/** Reads the inbox. Throws `Unavailable('store')`. */
export async function readInbox({ store, rules }: Pick<Gateway, 'rules' | 'store'>): Promise<Inbox> {
  const [waiting, recent] = await Promise.all([
    store.list({ states: ['pending'], limit: MAX_WAITING_SHOWN }),
    store.list({ states: STATES.filter((state) => state !== 'pending'), limit: MAX_RECENT }),
  ]);
  return {
    waiting: waiting.items,
    more: waiting.next !== null,
    recent: recent.items,
    approvers: (approval) => rules.approvers(approval),
  };
}

/** Pending approvals, soonest to expire first, and those that recently left that state. */
export function inboxPage(inbox: Inbox, reviewer: Reviewer, now: Date): Html {
  const cards = inbox.waiting
    .toSorted((a, b) => a.expiresAt.getTime() - b.expiresAt.getTime())
    .map((approval) => waitingCard(approval, reviewer, now, inbox.approvers(approval)));
  return html`<div class="head"><h1>Approvals</h1>${liveIndicator()}</div>
    <section aria-labelledby="waiting-head">
      <h2 id="waiting-head" tabindex="-1">Waiting for a decision</h2>
      <div id="inbox" class="cards" data-live>${cards.length > 0 ? cards : nothingWaiting()}</div>
      ${inbox.more ? html`<p class="notice">Only the newest ${MAX_WAITING_SHOWN} are shown.</p>` : ''}
    </section>
    <section aria-labelledby="recent-head">
      <h2 id="recent-head">Recent decisions</h2>
      <ul id="recent" class="rows" data-live>${inbox.recent.map((approval) => recentRow(approval, now))}</ul>
      <p><a href="/audit?types=approval.requested">Every approval in the audit log</a></p>
    </section>`;
}

function nothingWaiting(): Html {
  return html`<p class="empty" data-key="nothing" data-rev="0">Nothing is waiting. A call that needs a decision appears here by itself.</p>`;
}

function waitingCard(approval: Approval, reviewer: Reviewer, now: Date, current: CurrentApprovers): Html {
  const length = shownLength(approval);
  const fits = length <= MAX_ARGUMENTS_LENGTH;
  const { id, server, tool, trace } = approval;
  return html`<article class="card" aria-labelledby="t-${id}" data-key="${id}"
    data-rev="${approval.revision}.${approval.callers}">
    <header>
      <h3 id="t-${id}"><a href="/approvals/${id}">${toolName(server, tool)}</a></h3>
      <span class="marks">${riskBadge(trace.risk, trace.severity)}<span class="expiry">expires in ${countdown(approval.expiresAt, now)}</span></span>
    </header>
    ${callIntro(approval)}
    ${fits ? callInFull(approval, `Arguments of ${id}`) : html`<p class="notice">The call is ${length} characters long. <a href="/approvals/${id}">Read it in full</a>.</p>`}
    ${callFacts(approval)}
    ${decideForm(approval, reviewer, now, fits && !callerMayHide(approval), current)}
  </article>`;
}

/** Who wants to make the call and why. The agent's own words are marked as unverified. */
export function callIntro(approval: Approval): Html {
  return html`<p class="asks">Agent ${visibleName(approval.grant)}${
    approval.owner === null ? '' : html` of ${visibleName(approval.owner)}`
  } wants to run this.${approval.trace.reason === null ? '' : html` <q class="rule-reason">${visibleText(approval.trace.reason)}</q>`}</p>
  ${
    approval.statedReason === null
      ? ''
      : html`<p class="stated"><span class="dim">The agent says, unverified:</span> ${visibleText(approval.statedReason)}</p>`
  }${approval.laterReasons.map(
    (reason) =>
      html`<p class="stated"><span class="dim">Another caller says, unverified:</span> ${visibleText(reason)}</p>`,
  )}${
    approval.answersTo === null
      ? ''
      : html`<p class="notice">Answers what the server asked during <a href="/approvals/${approval.answersTo}">${approval.answersTo}</a>.
          <span class="dim">The server’s own words:</span> <q>${visibleText(approval.asked?.text ?? '')}</q></p>`
  }${
    approval.previousUnknown === null
      ? ''
      : html`<p class="notice odd">The same call was sent before and its outcome is
          unknown: <a href="/approvals/${approval.previousUnknown}">${approval.previousUnknown}</a>. Running it again may do it twice.</p>`
  }`;
}

/** What the call needs, its callers and its fingerprint. */
export function callFacts(approval: Approval): Html {
  return html`<dl class="facts">
    <div><dt>Needs</dt><dd>${requirementSummary(approval)}</dd></div>
    <div><dt>Callers</dt><dd>${approval.callers} waiting or yet to collect the result${
      approval.gaveUp > 0
        ? html`; ${approval.gaveUp} gave up waiting, and nothing runs for ${approval.gaveUp === 1 ? 'it' : 'them'} until the agent calls again`
        : ''
    }</dd></div>
    <div><dt>Fingerprint</dt><dd><code class="hash">${approval.fingerprint}</code></dd></div>
  </dl>`;
}

function recentRow(approval: Approval, now: Date): Html {
  const last = approval.decisions.at(-1);
  return html`<li data-key="${approval.id}" data-rev="${approval.revision}">
    ${stateBadge(approval.state)}
    <a href="/approvals/${approval.id}">${toolName(approval.server, approval.tool)}</a>
    <span class="dim">${visibleName(approval.grant)}${last === undefined ? '' : html` · ${last.choice === 'approve' ? 'approved' : 'denied'} by ${visibleName(last.person ?? last.approver)}`} · ${timeAgo(approval.updatedAt, now)}</span>
  </li>`;
}
