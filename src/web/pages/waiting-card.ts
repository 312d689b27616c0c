import { html } from 'hono/html';
import type { Approval } from '../../domain/approval/approval.ts';
import type { CurrentApprovers } from '../../domain/approval/current.ts';
import type { EarlierCall } from '../../domain/approval/second-look.ts';
import type { Html } from '../html/html.ts';
import { riskBadge, toolName } from '../html/labels.ts';
import { countdown } from '../html/time.ts';
import { visibleName, visibleText } from '../html/visible-text.ts';
import type { Reviewer } from '../http/reviewer.ts';
import { decideForm } from './decide-form.ts';
import { requirementSummary } from './requirement-summary.ts';
import { callerMayHide, callInFull, shownLength } from './shown-call.ts';

/** Characters of arguments, and of what is sent besides them, that the inbox shows; longer ones are shown only on the approval's own page. */
const MAX_ARGUMENTS_LENGTH = 6_000;

/** What a card shows besides its approval. */
export interface CardSurroundings {
  readonly reviewer: Reviewer;
  /** Who may decide it by today's configuration. */
  readonly current: CurrentApprovers;
  /** Earlier approvals of the same call, newest first. */
  readonly earlier: readonly EarlierCall[];
  readonly now: Date;
}

/** One pending approval in the inbox. */
export function waitingCard(approval: Approval, { reviewer, current, earlier, now }: CardSurroundings): Html {
  const length = shownLength(approval);
  const fits = length <= MAX_ARGUMENTS_LENGTH;
  const { id, server, tool, trace } = approval;
  return html`<article class="card" data-call-shown aria-labelledby="t-${id}" data-key="${id}"
    data-rev="${approval.revision}.${approval.callers}" data-opened="${String(approval.createdAt.getTime())}">
    <header>
      <h3 id="t-${id}"><a href="/approvals/${id}">${toolName(server, tool)}</a></h3>
      <span class="marks">${riskBadge(trace.risk, trace.severity)}<span class="expiry">expires in ${countdown(approval.expiresAt, now)}</span></span>
    </header>
    ${callIntro(approval)}
    ${fits ? callInFull(approval, `Arguments of ${id}`) : html`<p class="notice">The call is ${length} characters long. <a href="/approvals/${id}">Read it in full</a>.</p>`}
    ${callFacts(approval)}
    ${decideForm(approval, reviewer, now, fits && !callerMayHide(approval), current, earlier)}
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
