import { html } from 'hono/html';
import {
  ALLOWANCE_END_WORDS,
  type Allowance,
  allowanceSentence,
  callsLeft,
  type StandingDenial,
} from '../../domain/allowance/allowance.ts';
import type { Approval } from '../../domain/approval/approval.ts';
import { judgeAccess } from '../../domain/people/access.ts';
import { grantNameOf } from '../../domain/people/principal.ts';
import { plural } from '../../text/plural.ts';
import type { Html } from '../html/html.ts';
import { toolName } from '../html/labels.ts';
import { type PersonNames, personName } from '../html/person.ts';
import { timeAgo, timestamp, zone } from '../html/time.ts';
import { visibleName, visibleText } from '../html/visible-text.ts';
import type { Reviewer } from '../http/reviewer.ts';

/** Minutes of the standing denial that the console offers. */
const STANDING_MINUTES = 60;
/** Arguments for which the form has a field. */
const MOST_FIELDS = 5;

export interface AllowancesView {
  readonly allowances: readonly Allowance[];
  readonly denials: readonly StandingDenial[];
  /** Those that ended lately. */
  readonly endedAllowances: readonly Allowance[];
  readonly endedDenials: readonly StandingDenial[];
  readonly reviewer: Reviewer;
  readonly names: PersonNames;
  readonly now: Date;
}

/** Who looks at what was given in advance, and when. */
type Looking = Pick<AllowancesView, 'names' | 'now' | 'reviewer'>;

/** Everything that people have allowed or denied in advance, with what is left of it, and buttons to end it. */
export function allowancesPage({
  allowances,
  denials,
  endedAllowances,
  endedDenials,
  ...looking
}: AllowancesView): Html {
  return html`<div class="head"><h1>Allowances</h1></div>
    <p class="dim">What people have allowed or denied in advance, with one of their decisions. It ends by itself when it is used up or over, or when its policy, tool, owner
      or grant changes. Everything else is asked about.</p>
    <h2>${allowances.length} ${plural(allowances.length, 'allowance')} in force</h2>
    ${allowances.length === 0 ? html`<p class="empty">Nothing is allowed in advance.</p>` : allowanceTable(allowances, looking)}
    <h2>${denials.length} standing ${plural(denials.length, 'denial')} in force</h2>
    ${denials.length === 0 ? html`<p class="empty">Nothing is denied in advance.</p>` : denialTable(denials, looking)}
    ${endedAllowances.length === 0 ? '' : html`<h2>Allowances that ended</h2>${allowanceTable(endedAllowances, looking)}`}
    ${endedDenials.length === 0 ? '' : html`<h2>Standing denials that ended</h2>${denialTable(endedDenials, looking)}`}`;
}

function allowanceTable(rows: readonly Allowance[], looking: Looking): Html {
  return html`<table class="list advances"><thead><tr><th scope="col">What</th><th scope="col">By</th><th scope="col">Used</th><th scope="col">Until (${zone()})</th><th scope="col">State</th></tr></thead>
    <tbody>${rows.map((one) => allowanceRow(one, looking))}</tbody></table>`;
}

function allowanceRow(one: Allowance, { names, now, reviewer }: Looking): Html {
  const { id, approval, bounds, used, until, ended } = one;
  const lives = ended === null && now < until;
  return html`<tr><td>${toolName(one.server, one.tool)} <a href="/approvals/${approval}"><code class="dim">${id}</code></a>
      <div>${visibleText(allowanceSentence(one, one, bounds))}</div></td>
    <td data-label="By">${one.by.map((id, n) => html`${n > 0 ? ', ' : ''}${personName(id, names)}`)}</td>
    <td data-label="Used">${used} of ${bounds.calls}, ${callsLeft(one, now)} left</td>
    <td data-label="Until">${timestamp(until)} <span class="dim">given ${timeAgo(one.at, now)}</span></td>
    <td data-label="State">${lives ? endForm('allowance', id, reviewer) : endedWords(ended === null ? 'over' : ended.why, ended?.by ?? null, names)}</td></tr>`;
}

function endedWords(why: keyof typeof ALLOWANCE_END_WORDS, by: string | null, names: PersonNames): Html {
  const who = why === 'revoked' && by !== null ? html` by ${personName(by, names)}` : '';
  return html`${ALLOWANCE_END_WORDS[why]}${who}`;
}

function denialTable(rows: readonly StandingDenial[], looking: Looking): Html {
  return html`<table class="list advances"><thead><tr><th scope="col">What</th><th scope="col">By</th><th scope="col">Reason</th><th scope="col">Until (${zone()})</th><th scope="col">State</th></tr></thead>
    <tbody>${rows.map((one) => denialRow(one, looking))}</tbody></table>`;
}

function denialRow(one: StandingDenial, { names, now, reviewer }: Looking): Html {
  const { id, approval, by, reason, until, ended, mayVary } = one;
  const lives = ended === null && now < until;
  const like = mayVary.length === 0 ? 'exactly this call again' : `this call, with whatever ${mayVary.join(', ')}`;
  return html`<tr><td>${toolName(one.server, one.tool)} <a href="/approvals/${approval}"><code class="dim">${id}</code></a>
      <div>${visibleName(grantNameOf(one.grant))}: ${like}</div></td>
    <td data-label="By">${personName(by, names)}</td>
    <td data-label="Reason">${reason === null ? html`<span class="dim">none</span>` : visibleText(reason)}</td>
    <td data-label="Until">${timestamp(until)} <span class="dim">given ${timeAgo(one.at, now)}</span></td>
    <td data-label="State">${lives ? endForm('denial', id, reviewer) : endedWords(ended?.why ?? 'over', ended?.by ?? null, names)}</td></tr>`;
}

/** Only where the API takes it of this reviewer's roles (`domain/people/access.ts`); whose it is to end, it judges. */
function endForm(kind: 'allowance' | 'denial', id: string, { roles = null }: Reviewer): Html {
  if (!judgeAccess(roles, 'DELETE', `/api/${kind}s/${id}`).may) return html`in force`;
  return html`<form data-end="${kind}" data-id="${id}" action="/allowances" method="get" class="inline">
    <button type="submit" class="small deny" data-deciding>${kind === 'allowance' ? 'Revoke' : 'End'}</button></form>`;
}

/** On the page of one approval: how what was given with it stands, or under what it ran. Empty where there is nothing. */
export function advanceOf(
  under: string | null,
  allowance: Allowance | null,
  denial: StandingDenial | null,
  looking: Looking,
): Html {
  const ran =
    under === null
      ? ''
      : html`<p class="notice">Nobody was asked: this is a use of the allowance <code>${under}</code>, and its votes are those by which that was given. <a href="/allowances">Allowances</a></p>`;
  return html`${ran}${allowance === null ? '' : allowanceTable([allowance], looking)}${denial === null ? '' : denialTable([denial], looking)}`;
}

/**
 * The form to approve the like too, and to deny it: below the form for the call alone, where the whole call is shown. The
 * script sends it as JSON; the fields only narrow what the policy offers. `may`: this reviewer may approve, and may deny.
 */
export function advanceForm(approval: Approval, may: { readonly approve: boolean; readonly deny: boolean }): Html {
  const { id, fingerprint, trace, requirement, server, tool } = approval;
  if (approval.state !== 'pending' || approval.answersTo !== null || (!may.approve && !may.deny)) return html``;
  const offered = trace.allowance;
  const earlier = approval.decisions.find(({ choice }) => choice === 'approve');
  const offers = may.approve && offered !== undefined && offered.calls > 0 && (earlier === undefined || earlier.offers);
  const bounds = earlier?.offers ?? { minutes: offered?.minutes ?? 0, calls: offered?.calls ?? 0, says: [] };
  const varied = offered?.mayVary ?? [];
  const like = varied.length === 0 ? 'this call again' : `the same call with another ${varied.join(', ')} too`;
  return html`<details class="advance"><summary>The like of this call</summary>
    <form data-advance="${id}" data-fingerprint="${fingerprint}" data-call="${server}.${tool}" data-votes="${approval.decisions.length}"
      ${earlier?.offers ? html`data-bounds="${JSON.stringify({ minutes: bounds.minutes, calls: bounds.calls, within: earlier.offers.within })}"` : ''}
      data-reason-needed="${requirement.denyReason === 'required' ? 'yes' : 'no'}" action="/approvals/${id}" method="get">
      ${
        offers && offered !== undefined
          ? html`<p data-like>Besides this call${earlier === undefined ? ', at most' : ''}: ${visibleText(allowanceSentence(approval, offered, bounds))}</p>
      ${requirement.quorum > 1 ? html`<p class="dim">It takes ${requirement.quorum} approvals for the same bounds; otherwise only this call is approved.</p>` : ''}
      ${earlier === undefined ? narrowFields(id, offered.minutes, offered.calls, varied) : ''}
      <div class="buttons"><button class="approve" type="submit" name="decision" value="approve" data-deciding>Approve, and the like</button></div>`
          : ''
      }
      ${
        may.deny
          ? html`<label for="advance-reason-${id}">Reason for a denial</label>
      <input id="advance-reason-${id}" name="reason" type="text" maxlength="2000" autocomplete="off">
      <p class="dim">For an hour, ${like} is answered at once with your reason; nobody is asked.</p>
      <div class="buttons"><button class="deny" type="submit" name="decision" value="deny" data-minutes="${STANDING_MINUTES}" data-deciding>Deny, and the like for an hour</button></div>`
          : ''
      }
    </form></details>`;
}

function narrowFields(id: string, minutes: number, calls: number, varied: readonly string[]): Html {
  return html`<label for="advance-minutes-${id}">Minutes (1 to ${minutes})</label>
    <input id="advance-minutes-${id}" name="minutes" type="number" min="1" max="${minutes}" value="${minutes}" required>
    <label for="advance-calls-${id}">Further calls (1 to ${calls})</label>
    <input id="advance-calls-${id}" name="calls" type="number" min="1" max="${calls}" value="${calls}" required>
    ${varied.slice(0, MOST_FIELDS).map(
      (
        path,
        n,
      ) => html`<label for="advance-begins-${n}-${id}">Only where <code>${path}</code> begins with <span class="dim">(optional)</span></label>
    <input id="advance-begins-${n}-${id}" name="begins" data-path="${path}" type="text" maxlength="300" autocomplete="off">`,
    )}`;
}
