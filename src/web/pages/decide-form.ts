import { html } from 'hono/html';
import type { Approval, Approver } from '../../domain/approval/approval.ts';
import { judgeCounter } from '../../domain/approval/counter.ts';
import { ADMIN, type CurrentApprovers } from '../../domain/approval/current.ts';
import { eligibility, hasVoted, type Ineligible, isOwner } from '../../domain/approval/quorum.ts';
import {
  type EarlierCall,
  type SecondLook,
  secondLookSentence,
  secondLooks,
} from '../../domain/approval/second-look.ts';
import { mayTakeBack } from '../../domain/approval/take-back.ts';
import { voidVoteOf } from '../../domain/approval/vote-signature.ts';
import { grantNameOf } from '../../domain/people/principal.ts';
import type { Html } from '../html/html.ts';
import { toolName } from '../html/labels.ts';
import { type PersonNames, personName } from '../html/person.ts';
import { timeAgo } from '../html/time.ts';
import { visibleName } from '../html/visible-text.ts';
import type { Reviewer } from '../http/reviewer.ts';

/**
 * The form to approve or deny, or why this reviewer cannot. It carries the fingerprint of the call that is shown. A
 * script sends it as JSON, the only way in which a cookie may decide; without script it does nothing. `complete`: the
 * page shows all that is sent; otherwise the form offers no approval but a link to the page that does. `current`: who may
 * decide it by today's configuration. `earlier`: earlier approvals of the same call.
 */
export function decideForm(
  approval: Approval,
  reviewer: Reviewer,
  now: Date,
  complete: boolean,
  current: CurrentApprovers,
  earlier: readonly EarlierCall[],
  names: PersonNames,
): Html {
  const { words, mayDeny } = obstacleFor(approval, reviewer, now, current);
  const notice = words === null ? '' : html`<p class="notice">${words}</p>`;
  if (!mayDeny) return html`${notice}`;
  const { id } = approval;
  const signs = approval.requirement.stepUp !== undefined;
  const looks = secondLooks(approval, earlier, now);
  const approve =
    words !== null
      ? ''
      : complete
        ? html`<button class="approve" type="submit" name="decision" value="${signs ? 'sign' : 'approve'}" data-deciding ${looks.length > 0 ? html`data-confirm="yes"` : ''}
        >${signs ? 'Approve with passkey' : 'Approve'}</button>${looks.length > 0 ? question(approval, looks, names, now) : ''}`
        : html`<a class="button" href="/approvals/${id}">${signs ? 'Review and sign…' : 'Open the full call to approve'}</a>`;
  return html`${notice}${reasonForm(approval, 'deny', html`${approve}<button class="deny" type="submit" name="decision" value="deny" data-deciding>Deny</button>`)}`;
}

/**
 * What is asked before the call is approved: which call by which agent, and why it is asked. The script puts the
 * arguments into it as the page shows them.
 */
function question(approval: Approval, looks: readonly SecondLook[], names: PersonNames, now: Date): Html {
  return html`<template><span data-title>Approve ${toolName(approval.server, approval.tool)}?</span>
    <p>Agent ${visibleName(grantNameOf(approval.grant))}${approval.owner === null ? '' : html` of ${personName(approval.owner, names)}`} would run it once, exactly as shown:</p>
    <div class="call-again" data-call-here></div>
    <ul class="looks">${looks.map(
      (look) =>
        html`<li>${secondLookSentence(look)}${
          look.kind === 'ran'
            ? html` <a href="/approvals/${look.id}" target="_blank" rel="noopener">${look.id}</a>${look.at === null ? '' : ` (${timeAgo(look.at, now)})`}`
            : ''
        }</li>`,
    )}</ul></template>`;
}

/** Whether this reviewer may approve and deny it now. The gateway judges again when they do. */
export function mayDecide(
  approval: Approval,
  reviewer: Reviewer,
  now: Date,
  current: CurrentApprovers,
): { readonly approve: boolean; readonly deny: boolean } {
  const { words, mayDeny } = obstacleFor(approval, reviewer, now, current);
  return { approve: approval.state === 'pending' && words === null, deny: mayDeny };
}

/**
 * Whether this reviewer lacks the role approver: without it one may deny calls of one's own agents, one by one, and nothing
 * else (`web/api/api.ts`).
 */
export function lacksRole({ roles = null }: Pick<Reviewer, 'roles'>): boolean {
  return roles !== null && !roles.has('approver');
}

/** Whether this reviewer may deny it with another call. */
export function mayCounter(approval: Approval, reviewer: Reviewer, now: Date, current: CurrentApprovers): boolean {
  if (lacksRole(reviewer)) return false;
  return (
    mayDecide(approval, reviewer, now, current).deny && judgeCounter(approval, approverOf(reviewer), current) === null
  );
}

/** The form to take back a yes that nobody has used; empty where there is none, or this reviewer may not. */
export function takeBackForm(approval: Approval, reviewer: Reviewer, now: Date, current: CurrentApprovers): Html {
  const { state, pickupUntil } = approval;
  if (state !== 'approved' || (pickupUntil !== null && now >= pickupUntil)) return html``;
  if (lacksRole(reviewer) || !mayTakeBack(approval, approverOf(reviewer), now, current)) return html``;
  const button = html`<button class="deny" type="submit" name="decision" value="take-back" data-deciding>Take back approval</button>`;
  return html`<p class="notice">Approved, and nothing has run yet.</p>${reasonForm(approval, 'take it back', button)}`;
}

function reasonForm({ id, fingerprint, requirement, server, tool }: Approval, act: string, buttons: Html): Html {
  const field = `reason-${id}`;
  const needed = requirement.denyReason === 'required';
  return html`<form class="decide" data-decide="${id}" data-fingerprint="${fingerprint}" data-call="${server}.${tool}"
    data-reason-needed="${needed ? 'yes' : 'no'}" action="/approvals/${id}" method="get">
    <label for="${field}">Reason <span class="dim">${needed ? `(required to ${act})` : '(optional)'}</span></label>
    <input id="${field}" name="reason" type="text" maxlength="2000" autocomplete="off">
    <div class="buttons">${buttons}</div>
  </form>`;
}

function approverOf({ id, userGroups }: Reviewer): Approver {
  return { id, via: 'console', userGroups };
}

/** Why this reviewer cannot approve, in words; null when they can. The gateway judges again when they do. */
interface Obstacle {
  readonly words: string | null;
  readonly mayDeny: boolean;
}

function obstacleFor(approval: Approval, reviewer: Reviewer, now: Date, current: CurrentApprovers): Obstacle {
  if (approval.state !== 'pending') return { words: null, mayDeny: true };
  if (now >= approval.expiresAt) return { words: 'This approval has expired.', mayDeny: false };
  const approver = approverOf(reviewer);
  if (lacksRole(reviewer)) {
    const mayDeny = isOwner(approval, approver, current);
    const words = mayDeny ? refusalWords('own_call', approval, reviewer) : 'To decide it you need the role approver.';
    return { words, mayDeny };
  }
  const eligible = eligibility(approval, approver, now, current);
  if (eligible.kind === 'refused') {
    const owns = isOwner(approval, approver, current);
    const mayDeny = owns || eligible.reason === 'no_place' || eligible.reason === 'stands_in_for_owner';
    return { words: refusalWords(owns ? 'own_call' : eligible.reason, approval, reviewer), mayDeny };
  }
  const unsignable = signingObstacle(approval, reviewer);
  if (unsignable !== null) return { words: unsignable, mayDeny: true };
  if (reviewer.id === ADMIN && current.persons.adminToken === 'nobody') {
    const words = 'The config does not say whose the admin token is, so it can deny but not approve.';
    return { words, mayDeny: true };
  }
  const voted = hasVoted(approval, reviewer.id, current.persons) && voidVoteOf(approval, reviewer.id, current) === null;
  const words = voted ? 'You have approved this. It needs more approvals. You can still deny it.' : null;
  return { words, mayDeny: true };
}

/** Why this reviewer cannot sign, where that is needed; null: they can, or it is not. */
function signingObstacle({ requirement }: Approval, reviewer: Reviewer): string | null {
  if (requirement.stepUp === undefined) return null;
  if (requirement.stepUp.origin === null)
    return 'This call has to be signed with a passkey, and when it was asked about there was no place here to sign. So nobody can approve it. You can deny it.';
  if (reviewer.id !== ADMIN) return null;
  return 'This call has to be signed with a passkey, by a person who is signed in as themselves. The admin token cannot approve it. You can deny it.';
}

function refusalWords(reason: Ineligible, { requirement }: Approval, reviewer: Reviewer): string {
  switch (reason) {
    case 'own_call':
      return 'This is your own agent’s call, so somebody else must approve it. You can deny it.';
    case 'removed':
      return `The config no longer lists ${reviewer.id} as an approver of this call.`;
    case 'not_an_approver':
      return `Only ${requirement.groups.join(', ') || 'its approvers'} can decide this call. To let ${reviewer.id} decide, add it to an approver group.`;
    case 'no_place':
      return 'This call needs approvals of certain groups, and you are in none of them. You can deny it.';
    case 'stands_in_for_owner':
      return 'You stand in for the owner of this agent, so somebody else must approve its call. You can deny it.';
    default:
      return reason satisfies never;
  }
}
