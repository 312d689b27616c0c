import { html } from 'hono/html';
import type { Approval } from '../../domain/approval/approval.ts';
import type { CurrentApprovers } from '../../domain/approval/current.ts';
import type { EarlierCall } from '../../domain/approval/second-look.ts';
import type { Snooze } from '../../domain/approval/snooze.ts';
import { grantNameOf } from '../../domain/people/principal.ts';
import { cueBadges } from '../html/cue.ts';
import type { Html } from '../html/html.ts';
import { stateBadge, toolName } from '../html/labels.ts';
import { NO_NAMES, type PersonNames, personName } from '../html/person.ts';
import { riskBadge } from '../html/risk.ts';
import { countdown, timeAgo } from '../html/time.ts';
import { visibleName, visibleText } from '../html/visible-text.ts';
import type { Reviewer } from '../http/reviewer.ts';
import { previewShown, unusualLines } from './call-views.ts';
import type { ConfigView } from './config-view.ts';
import { decideForm, lacksRole, mayDecide } from './decide-form.ts';
import { requirementSummary } from './requirement-summary.ts';
import { callerMayHide, callInFull, shownLength } from './shown-call.ts';
import { snoozeForm } from './snooze-form.ts';

/** Characters of arguments, and of what is sent besides them, that the inbox shows; longer ones are shown only on the approval's own page. */
const MAX_ARGUMENTS_LENGTH = 6_000;

/** Where a call acts, and what its tool is, beside the approval's own words. */
export interface CallPlace {
  readonly environment: string | null;
  readonly account: string | null;
  /** The server's own words about the tool, unverified; null: none are known. */
  readonly description: string | null;
}

export function callPlaceOf(config: ConfigView, { server, tool }: Pick<Approval, 'server' | 'tool'>): CallPlace {
  const found = config.servers().find(({ name }) => name === server);
  return {
    environment: found?.environment ?? null,
    account: found?.account ?? null,
    description: config.describe(server, tool),
  };
}

/** What a card or page shows besides its approval. */
export interface CardSurroundings {
  readonly reviewer: Reviewer;
  /** Who may decide it by today's configuration. */
  readonly current: CurrentApprovers;
  /** Earlier approvals of the same call, newest first. */
  readonly earlier: readonly EarlierCall[];
  readonly place: CallPlace;
  /** The people of the config, by their ids. */
  readonly names: PersonNames;
  /** That this reviewer put it aside; null or absent: they did not. */
  readonly snooze?: Snooze | null;
  /** It stands among others with which it may be decided together; absent: it does not. */
  readonly together?: boolean;
  readonly now: Date;
}

/** One pending approval in the inbox. */
export function waitingCard(approval: Approval, around: CardSurroundings): Html {
  const { reviewer, current, earlier, names, now } = around;
  const length = shownLength(approval, MAX_ARGUMENTS_LENGTH);
  const fits = length <= MAX_ARGUMENTS_LENGTH;
  const { id, server, tool } = approval;
  return html`<article class="card" id="card-${id}" tabindex="-1" data-call-shown aria-labelledby="t-${id}" data-key="${id}"
    data-rev="${approval.revision}.${approval.callers}.${approval.facts === undefined ? 0 : 1}" data-opened="${String(approval.createdAt.getTime())}">
    <header>
      ${pickBox(approval, around, fits)}<h3 id="t-${id}"><a href="/approvals/${id}">${toolName(server, tool)}</a></h3>
      <span class="expiry">expires in ${countdown(approval.expiresAt, now)}</span>
    </header>
    <div data-whole>${marks(approval, around.place)}
    ${callIntro(approval, names)}
    ${fits ? html`${callInFull(approval, `Arguments of ${id}`)}${previewShown(approval)}` : html`<p class="notice">The call is ${length} characters long. <a href="/approvals/${id}">Read it in full</a>.</p>`}
    ${callsBefore(earlier, now)}
    ${toolDescription(around.place)}
    ${callNeeds(approval)}</div>
    ${decideForm(approval, reviewer, now, mayApproveHere(approval, fits), current, earlier, names)}
    ${snoozeForm(approval, reviewer, now, current, around.snooze ?? null)}
  </article>`;
}

/** A box to decide it together with others; only where all of it stands here, and this reviewer may do something. */
function pickBox(approval: Approval, { reviewer, current, now, together }: CardSurroundings, fits: boolean): Html {
  if (together !== true || lacksRole(reviewer)) return html``;
  const may = mayDecide(approval, reviewer, now, current);
  const choices = [
    ...(may.approve && mayApproveHere(approval, fits) ? ['approve'] : []),
    ...(may.deny && fits ? ['deny'] : []),
  ];
  if (choices.length === 0) return html``;
  const { id, server, tool } = approval;
  return html`<input class="pick" type="checkbox" id="pick-${id}" data-pick data-may="${choices.join(' ')}" aria-label="Select ${server}.${tool}" autocomplete="off">`;
}

/** A call that has to be signed is signed on its own page, where all of it is. */
function mayApproveHere(approval: Approval, fits: boolean): boolean {
  return fits && !callerMayHide(approval) && approval.requirement.stepUp === undefined;
}

/** How grave it is, and where it acts. Empty when nothing is stated. */
export function marks(approval: Approval, { environment, account }: CallPlace): Html {
  const { trace } = approval;
  const parts = [
    ...cueBadges(approval),
    trace.risk === null && trace.severity === null ? null : riskBadge(trace.risk, trace.severity),
    environment === null
      ? null
      : html`<span class="badge place"><span class="unseen">Environment: </span>${visibleText(environment)}</span>`,
    account === null
      ? null
      : html`<span class="account"><span class="dim">account</span> ${visibleName(account)}</span>`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? html`` : html`<p class="marks">${parts.map((part) => html`${part} `)}</p>`;
}

/** The server's own words about the tool, marked as such. */
export function toolDescription({ description }: CallPlace): Html {
  return description === null
    ? html``
    : html`<p class="said-of"><span class="dim">The server says of this tool, unverified:</span> <q>${visibleText(description)}</q></p>`;
}

/** What became of the same call before. */
export function callsBefore(earlier: readonly EarlierCall[], now: Date): Html {
  if (earlier.length === 0) return html``;
  return html`<p class="earlier"><span class="dim">The same call before:</span>${earlier.map(
    ({ id, state, at }) => html` <a href="/approvals/${id}">${timeAgo(at, now)}</a> ${stateBadge(state)}`,
  )}</p>`;
}

/** The policy's sentence about the call. What stands in it of the call is marked, so that it passes for no word of ours. */
function summaryLine({ trace }: Approval): Html {
  if (trace.summary === undefined) return html``;
  return html`<p class="in-words">${trace.summary.map((part) =>
    'text' in part ? visibleText(part.text) : html`<code>${visibleText(part.value)}</code>`,
  )}</p>`;
}

/** A counter-proposal is wanted by a person; its agent may make the call. */
function wants({ state, counterOf }: Approval, names: PersonNames): Html {
  if (counterOf === undefined) return html`${state === 'pending' ? 'wants' : 'wanted'} to run this.`;
  const may =
    state === 'pending'
      ? 'may run this once it is approved'
      : state === 'approved'
        ? 'may run this once'
        : 'was offered this';
  return html`${may}: a counter-proposal by ${personName(counterOf.by, names)}.`;
}

/** Who wants to make the call and why. The agent's own words are marked as unverified. */
export function callIntro(approval: Approval, names: PersonNames = NO_NAMES): Html {
  return html`${summaryLine(approval)}${unusualLines(approval)}<p class="asks">Agent ${visibleName(grantNameOf(approval.grant))}${
    approval.owner === null ? '' : html` of ${personName(approval.owner, names)}`
  } ${wants(approval, names)}${approval.trace.reason === null ? '' : html` <q class="rule-reason">${visibleText(approval.trace.reason)}</q>`}</p>
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
export function callNeeds(approval: Approval): Html {
  return html`<dl class="facts">
    <div><dt>${approval.state === 'pending' ? 'Needs' : 'Needed'}</dt><dd>${requirementSummary(approval)}</dd></div>
    <div><dt>Callers</dt><dd>${approval.callers} waiting for the result${
      approval.gaveUp > 0
        ? html`; ${approval.gaveUp} stopped waiting, and nothing runs for ${approval.gaveUp === 1 ? 'it' : 'them'} until the agent calls again`
        : ''
    }</dd></div>
    <div><dt>Fingerprint</dt><dd><code class="hash">${approval.fingerprint}</code></dd></div>
  </dl>`;
}
