import { html } from 'hono/html';
import type { Approval } from '../../domain/approval/approval.ts';
import type { CurrentApprovers } from '../../domain/approval/current.ts';
import { tallyOf } from '../../domain/approval/tally.ts';
import { grantNameOf } from '../../domain/people/principal.ts';
import type { Page } from '../../ports.ts';
import type { Html } from '../html/html.ts';
import { stateBadge, toolName } from '../html/labels.ts';
import { liveIndicator, newsLine } from '../html/page.ts';
import { type PersonNames, personName } from '../html/person.ts';
import { timeAgo, timestamp } from '../html/time.ts';
import { visibleName, visibleText } from '../html/visible-text.ts';
import type { Reviewer } from '../http/reviewer.ts';
import { type CallPlace, waitingCard } from './waiting-card.ts';

/** Waiting calls that are shown, and rows of others on one page. */
export const OWN_WAITING = 25;
export const OWN_ROWS = 50;

/** What the page of one's own agents shows. */
export interface OwnAgents {
  /** Names of grants that are theirs today. */
  readonly grants: readonly string[];
  /** Those that wait for people, newest first; null: they are on the first page only. */
  readonly waiting: Page<Approval> | null;
  /** All others, newest first. */
  readonly others: Page<Approval>;
  readonly approvers: (approval: Approval) => CurrentApprovers;
  readonly names: PersonNames;
  readonly placeOf: (approval: Approval) => CallPlace;
  readonly reviewer: Reviewer;
  readonly now: Date;
}

/** The calls of a person's agents: what waits, which they may deny, and what became of the others. */
export function minePage(own: OwnAgents): Html {
  const { grants, waiting, others } = own;
  const agents = grants.map((grant, index) => html`${index > 0 ? ', ' : ''}${visibleName(grant)}`);
  return html`<div class="head"><h1>My agents</h1>${liveIndicator()}</div>
    <p class="dim">${grants.length === 0 ? 'No grant names you as its owner today.' : html`You own ${agents}.`}
      What they ask waits here for other people; you may deny it.</p>
    ${waiting === null ? '' : waitingSection(own, waiting)}
    <section aria-labelledby="mine-others-head">
      <h2 id="mine-others-head">${waiting === null ? 'Earlier calls' : 'Decided, running and over'}</h2>
      <ul id="mine-others" class="rows" data-live>${others.items.map((approval) => row(approval, own))}${
        others.items.length > 0
          ? ''
          : html`<li class="empty" data-key="nothing" data-rev="0">No call of your agents was asked about.</li>`
      }</ul>
      <nav class="pages" aria-label="Pages of calls">
        ${waiting === null ? html`<a href="/mine">Newest calls</a>` : ''}
        ${others.next === null ? '' : html`<a rel="next" href="/mine?after=${others.next}">Earlier calls</a>`}
      </nav>
    </section>`;
}

/** For the admin token. */
export function nobodysAgents(): Html {
  return html`<div class="head"><h1>My agents</h1></div>
    <p class="empty">The admin token owns no agents. Sign in as a person to see those whose owner you are; <a href="/">Approvals</a> has all of them.</p>`;
}

function waitingSection(own: OwnAgents, { items, next }: Page<Approval>): Html {
  const { reviewer, names, now } = own;
  const cards = items.map((approval) =>
    waitingCard(approval, {
      reviewer,
      current: own.approvers(approval),
      earlier: [],
      names,
      place: own.placeOf(approval),
      now,
    }),
  );
  return html`<section aria-labelledby="mine-waiting-head">
    <div class="queue-head"><h2 id="mine-waiting-head" tabindex="-1" data-news-focus>Waiting for a decision</h2></div>
    ${newsLine('many')}
    <div id="mine-waiting" class="cards" data-live data-asked="${String(now.getTime())}">${
      cards.length > 0
        ? cards
        : html`<p class="empty" data-key="nothing" data-rev="0">Nothing of your agents is waiting.</p>`
    }</div>
    ${next === null ? '' : html`<p class="notice">More of them wait: these are the newest ${items.length}. <a href="/">All that waits</a></p>`}
  </section>`;
}

function row(approval: Approval, { names, now }: OwnAgents): Html {
  const { id, revision, server, tool, grant, state, note, statedReason, createdAt } = approval;
  const why = endedBecause(approval, names);
  return html`<li class="own-call" data-key="${id}" data-rev="${revision}">
    ${stateBadge(state)}
    <a href="/approvals/${id}">${toolName(server, tool)}</a>
    <span class="dim">${visibleName(grantNameOf(grant))} · asked ${timeAgo(createdAt, now)}${why}${
      note === null || state === 'succeeded' ? '' : html` · ${visibleText(note)}`
    }</span>
    ${statedReason === null ? '' : html`<span class="stated"><span class="dim">It said, unverified:</span> ${visibleText(statedReason)}</span>`}
  </li>`;
}

/** Who decided, and until when an approved call may still run. */
function endedBecause(approval: Approval, names: PersonNames): Html {
  const { decisions, state, pickupUntil, requirement } = approval;
  const denial = decisions.find(({ choice }) => choice === 'deny');
  if (denial !== undefined) {
    const reason = denial.reason === null ? '' : html`: ${visibleText(denial.reason)}`;
    return html` · denied by ${personName(denial.approver, names)}${reason}`;
  }
  const yes = decisions.filter(({ choice }) => choice === 'approve');
  if (yes.length === 0) return html``;
  const by = yes.map(({ approver }, index) => html`${index > 0 ? ', ' : ''}${personName(approver, names)}`);
  const until =
    state === 'approved' && pickupUntil !== null
      ? html` · runs when the agent calls again, until ${timestamp(pickupUntil)}`
      : '';
  const enough = tallyOf(approval).people >= requirement.quorum ? '' : ' (not enough)';
  return html` · approved by ${by}${enough}${until}`;
}
