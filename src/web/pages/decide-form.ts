import { html } from 'hono/html';
import type { Approval } from '../../domain/approval/approval.ts';
import { eligibility } from '../../domain/approval/quorum.ts';
import type { Html } from '../html/shown.ts';
import type { Reviewer } from '../http/reviewer.ts';

/**
 * The form that decides. It carries the fingerprint of what is shown. It is sent by script as JSON, because a cookie
 * decides only so; without script it does nothing.
 */
export function decideForm(approval: Approval, reviewer: Reviewer, now: Date, whole: boolean): Html {
  const why = obstacle(approval, reviewer, now);
  if (why !== null) return html`<p class="notice">${why}</p>`;
  const { id, fingerprint, requirement, trace, server, tool } = approval;
  const grave = trace.severity === 'high' || trace.severity === 'critical' || approval.previousUnknown !== null;
  const field = `reason-${id}`;
  const needed = requirement.denyReason === 'required';
  const approve = whole
    ? html`<button class="approve" type="submit" name="decision" value="approve" ${grave ? html`data-sure="yes"` : ''}
        >Approve</button>`
    : html`<a class="button" href="/approvals/${id}">Read all of it to approve</a>`;
  return html`<form class="decide" data-decide="${id}" data-fingerprint="${fingerprint}" data-call="${server}.${tool}"
    data-reason-needed="${needed ? 'yes' : 'no'}" action="/approvals/${id}" method="get">
    <label for="${field}">Reason <span class="dim">${needed ? '(needed to deny)' : '(optional)'}</span></label>
    <input id="${field}" name="reason" type="text" maxlength="2000" autocomplete="off">
    <div class="buttons">${approve}<button class="deny" type="submit" name="decision" value="deny">Deny</button></div>
  </form>`;
}

/** Why this reviewer cannot decide it, in words; null when they can. The gateway judges again when they do. */
function obstacle(approval: Approval, reviewer: Reviewer, now: Date): string | null {
  if (approval.state !== 'pending') return null;
  if (now >= approval.expiresAt) return 'Its time is over.';
  const may = eligibility(approval, { id: reviewer.id, via: 'console', userGroups: reviewer.userGroups }, now);
  if (may.kind === 'refused') {
    return may.reason === 'own_call'
      ? 'This is a call of your own agent: somebody else must decide it.'
      : `You can read this; deciding is for ${approval.requirement.groups.join(', ') || 'its approvers'}. No approvers’ group of this call lists ${reviewer.id}.`;
  }
  const voted = approval.decisions.some((decision) => decision.approver === reviewer.id);
  return voted ? 'You have approved it. It waits for others.' : null;
}
