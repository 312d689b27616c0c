import { html } from 'hono/html';
import type { Approval } from '../../domain/approval/approval.ts';
import { eligibility } from '../../domain/approval/quorum.ts';
import type { Html } from '../html/html.ts';
import type { Reviewer } from '../http/reviewer.ts';

/**
 * The form to approve or deny, or why this reviewer cannot. It carries the fingerprint of the call that is shown. A
 * script sends it as JSON, the only way in which a cookie may decide; without script it does nothing. `complete`: the
 * page shows all that is sent; otherwise the form offers no approval but a link to the page that does.
 */
export function decideForm(approval: Approval, reviewer: Reviewer, now: Date, complete: boolean): Html {
  const obstacle = obstacleFor(approval, reviewer, now);
  if (obstacle !== null) return html`<p class="notice">${obstacle}</p>`;
  const { id, fingerprint, requirement, trace, server, tool } = approval;
  const serious = trace.severity === 'high' || trace.severity === 'critical' || approval.previousUnknown !== null;
  const field = `reason-${id}`;
  const needed = requirement.denyReason === 'required';
  const approve = complete
    ? html`<button class="approve" type="submit" name="decision" value="approve" ${serious ? html`data-confirm="yes"` : ''}
        >Approve</button>`
    : html`<a class="button" href="/approvals/${id}">Read it in full to approve</a>`;
  return html`<form class="decide" data-decide="${id}" data-fingerprint="${fingerprint}" data-call="${server}.${tool}"
    data-reason-needed="${needed ? 'yes' : 'no'}" action="/approvals/${id}" method="get">
    <label for="${field}">Reason <span class="dim">${needed ? '(required to deny)' : '(optional)'}</span></label>
    <input id="${field}" name="reason" type="text" maxlength="2000" autocomplete="off">
    <div class="buttons">${approve}<button class="deny" type="submit" name="decision" value="deny">Deny</button></div>
  </form>`;
}

/** Why this reviewer cannot decide, in words; null when they can. The gateway judges again when they do. */
function obstacleFor(approval: Approval, reviewer: Reviewer, now: Date): string | null {
  if (approval.state !== 'pending') return null;
  if (now >= approval.expiresAt) return 'This approval has expired.';
  const eligible = eligibility(approval, { id: reviewer.id, via: 'console', userGroups: reviewer.userGroups }, now);
  if (eligible.kind === 'refused') {
    return eligible.reason === 'own_call'
      ? 'This call is by your own agent, so somebody else must decide.'
      : `You can read this, but only ${approval.requirement.groups.join(', ') || 'its approvers'} can decide. No approvers’ group of this call lists ${reviewer.id}.`;
  }
  const voted = approval.decisions.some((decision) => decision.approver === reviewer.id);
  return voted ? 'You have approved this. It is waiting for others.' : null;
}
