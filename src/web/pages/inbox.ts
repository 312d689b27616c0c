import { html } from 'hono/html';
import { type Approval, STATES } from '../../domain/approval/approval.ts';
import type { Store } from '../../ports.ts';
import { ago, countdown } from '../html/instant.ts';
import { type Html, name, shown } from '../html/shown.ts';
import { textOf, values } from '../html/values.ts';
import { riskBadge, stateBadge, toolName } from '../html/wording.ts';
import type { Reviewer } from '../http/reviewer.ts';
import { decideForm } from './decide-form.ts';
import { requirementWords } from './requirement.ts';

/** Characters of arguments that a card in the inbox holds; more is read on the approval's own page. */
const LONGEST = 6_000;
/** Pending approvals on one page, and how many of the rest are listed below. */
export const MOST_WAITING = 50;
const MOST_RECENT = 12;

export interface Inbox {
  readonly waiting: readonly Approval[];
  readonly more: boolean;
  readonly recent: readonly Approval[];
}

export async function readInbox(store: Store): Promise<Inbox> {
  const [waiting, recent] = await Promise.all([
    store.list({ states: ['pending'], limit: MOST_WAITING }),
    store.list({ states: STATES.filter((state) => state !== 'pending'), limit: MOST_RECENT }),
  ]);
  return { waiting: waiting.items, more: waiting.next !== null, recent: recent.items };
}

/** What waits, soonest to expire first, and what was decided lately. */
export function inboxPage(inbox: Inbox, reviewer: Reviewer, now: Date): Html {
  const cards = inbox.waiting
    .toSorted((a, b) => a.expiresAt.getTime() - b.expiresAt.getTime())
    .map((approval) => waitingCard(approval, reviewer, now));
  return html`<div class="head"><h1>Approvals</h1>${liveMark()}</div>
    <section aria-labelledby="waiting-head">
      <h2 id="waiting-head" tabindex="-1">Waiting for a decision</h2>
      <div id="inbox" class="cards" data-live>${cards.length > 0 ? cards : nothingWaits()}</div>
      ${inbox.more ? html`<p class="notice">Only the newest ${MOST_WAITING} are shown.</p>` : ''}
    </section>
    <section aria-labelledby="recent-head">
      <h2 id="recent-head">Lately</h2>
      <ul id="recent" class="rows" data-live>${inbox.recent.map((approval) => recentRow(approval, now))}</ul>
      <p><a href="/audit?types=approval.requested">Every approval in the audit log</a></p>
    </section>`;
}

export function liveMark(): Html {
  return html`<span class="live" data-live-mark><span class="dot" aria-hidden="true"></span><span>connecting</span></span>`;
}

function nothingWaits(): Html {
  return html`<p class="empty" data-key="nothing" data-rev="0">Nothing waits. A call that needs a person appears here by itself.</p>`;
}

function waitingCard(approval: Approval, reviewer: Reviewer, now: Date): Html {
  const text = textOf(approval.arguments);
  const whole = text.length <= LONGEST;
  const { id, server, tool, trace } = approval;
  return html`<article class="card" aria-labelledby="t-${id}" data-key="${id}"
    data-rev="${approval.revision}.${approval.callers}">
    <header>
      <h3 id="t-${id}"><a href="/approvals/${id}">${toolName(server, tool)}</a></h3>
      <span class="marks">${riskBadge(trace.risk, trace.severity)}<span class="expiry">expires in ${countdown(approval.expiresAt, now)}</span></span>
    </header>
    ${callWords(approval)}
    ${whole ? values(approval.arguments, `Arguments of ${id}`) : html`<p class="notice">The arguments have ${text.length} characters. <a href="/approvals/${id}">Read all of them</a>.</p>`}
    ${callFacts(approval)}
    ${decideForm(approval, reviewer, now, whole)}
  </article>`;
}

/** Who asks for it and why. The agent's own words are marked as such. */
export function callWords(approval: Approval): Html {
  return html`<p class="asks">Agent ${name(approval.grant)}${
    approval.owner === null ? '' : html` of ${name(approval.owner)}`
  } wants to run this.${approval.trace.reason === null ? '' : html` <q class="rule-reason">${shown(approval.trace.reason)}</q>`}</p>
  ${
    approval.statedReason === null
      ? ''
      : html`<p class="stated"><span class="dim">The agent says, unverified:</span> ${shown(approval.statedReason)}</p>`
  }${
    approval.previousUnknown === null
      ? ''
      : html`<p class="notice odd">The same call was sent before and its outcome is
          unknown: <a href="/approvals/${approval.previousUnknown}">${approval.previousUnknown}</a>. Running it again may do it twice.</p>`
  }`;
}

export function callFacts(approval: Approval): Html {
  return html`<dl class="facts">
    <div><dt>Needs</dt><dd>${requirementWords(approval)}</dd></div>
    <div><dt>Callers</dt><dd>${approval.callers} waiting or still to collect</dd></div>
    <div><dt>Fingerprint</dt><dd><code class="hash">${approval.fingerprint}</code></dd></div>
  </dl>`;
}

function recentRow(approval: Approval, now: Date): Html {
  const last = approval.decisions.at(-1);
  return html`<li data-key="${approval.id}" data-rev="${approval.revision}">
    ${stateBadge(approval.state)}
    <a href="/approvals/${approval.id}">${toolName(approval.server, approval.tool)}</a>
    <span class="dim">${name(approval.grant)}${last === undefined ? '' : html` · ${last.choice === 'approve' ? 'approved' : 'denied'} by ${name(last.approver)}`} · ${ago(approval.updatedAt, now)}</span>
  </li>`;
}
