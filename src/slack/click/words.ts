import type { Approval } from '../../domain/approval/approval.ts';
import type { RefusalReason } from '../../domain/approval/decide.ts';
import { MOST_SNOOZES } from '../../domain/approval/snooze.ts';
import type { TakeBackRefusal } from '../../domain/approval/take-back.ts';
import { localTime, personMention } from '../card/escape.ts';
import { headline, quorumSoFar, stateSentence } from '../card/story.ts';
import type { DoorRefusal } from './outcome.ts';

/** What the person who clicked reads. Only this file turns reasons into words. mrkdwn. */

export const CLICK_NOTICES = {
  notRecorded:
    'Your click could not be recorded. Unless the card says otherwise, nothing was decided: please click again.',
  notWitnessed:
    'Your denial is in the database, but it could not be recorded outside of it, so do not rely on it yet. Until that is possible, no approved call is sent. Your operators can see the reason at /readyz.',
  votesChanged:
    'Somebody else has voted since you opened this, so nothing was decided. Please open it again from the card.',
  onlyThisCall:
    'This call is approved, and nothing more: not all approvals of it were for the same bounds. The like of it is asked about, as before.',
  notFound: 'There is no such approval here any more.',
  notOpened: 'Slack did not open the window in time. Please click again.',
} as const;

/** What became of a click on Revoke. */
export const ALLOWANCE_WORDS = {
  revoked: 'Revoked: nothing more runs under this allowance.',
  not_living: 'This allowance had ended already.',
  not_allowed:
    'Only who may approve the call, who gave the allowance, the owner of the agent, and operators can revoke it.',
} as const;

/** Why a click was turned away at the door. */
export function doorWords(reason: DoorRefusal): string {
  switch (reason) {
    case 'cannot_tell':
      return 'Slack did not answer in time who you are, so nothing was decided. Please click again. If that does not help, your operators can see the reason at /readyz.';
    case 'other_team':
      return 'Only members of this gateway’s own workspace can decide. Nothing was decided.';
    case 'deactivated':
      return 'This account is deactivated, so its clicks do not count.';
    case 'bot':
      return 'A bot cannot approve or deny a call.';
    case 'guest':
      return 'Guests cannot approve or deny calls. Ask a full member of the workspace.';
    case 'stranger':
    case 'unknown_person':
      return 'Slack does not know you as a member of this workspace, so your click does not count.';
    case 'other_app':
      return 'This button belongs to another app.';
    case 'wrong_message':
      return 'This is not the card of that approval. Decide on the card itself.';
    case 'no_card':
      return 'The card of this call is not posted yet, or its channel takes none. Try again in a moment, or decide in the console.';
    case 'other_call':
      return 'This button belongs to a different call. Use the card in the channel.';
    default:
      return reason satisfies never;
  }
}

/** Why the approval itself could not be decided, with its true state. */
export function refusalWords(reason: RefusalReason, approval: Approval): string {
  switch (reason) {
    case 'already_decided':
      return `Too late, your click changed nothing. ${headline(approval)}. ${stateSentence(approval)}`;
    case 'expired':
      return `Too late: this expired ${localTime(approval.expiresAt)}. Nothing has run.`;
    case 'already_voted':
      return `Your decision is already recorded. ${quorumSoFar(approval)}.`;
    case 'not_an_approver':
      return 'You are not among the approvers of this call. The card names those who are.';
    case 'removed':
      return 'You were among the approvers when this was asked, but the configuration no longer lists you, so your click does not count.';
    case 'admin_token':
      return 'The configuration does not say whose the admin token is, so its approval does not count.';
    case 'own_call':
      return `This call comes from an agent of ${approval.owner === null ? 'yours' : personMention(approval.owner)}; somebody else has to decide it. You can only deny it.`;
    case 'no_place':
      return 'This call needs approvals of certain groups, and you are in none of them, so your approval would not count. You can still deny it. The card names the groups.';
    case 'stands_in_for_owner':
      return 'You stand in here for the owner of this agent, who may not approve its calls, so somebody else has to. You can only deny it.';
    case 'other_call':
      return doorWords('other_call');
    case 'broken':
      return 'Holdfast will not run this: its record was changed outside Holdfast, is from before its call was sent, or was sealed by a secret that is no longer listed, so nobody can decide it. Tell your operators; /readyz names what was found.';
    case 'signature_required':
    case 'bad_signature':
    case 'signature_unknown':
      return 'A click does not approve this call: it has to be signed with your passkey. Open it with *Review and sign…*. You can deny it here.';
    case 'reason_required':
      return 'A denial of this call needs a reason.';
    case 'no_allowance':
      return 'Nothing can be allowed in advance with this call: its policy offers no allowance, or the policy or the tool has changed since it was asked. Nothing was decided; you can still approve this one call.';
    case 'too_wide':
      return 'That is more than the policy offers, so nothing was decided.';
    case 'own_allowance':
      return 'This call comes from an agent of yours, or of somebody you stand in for, so your approval can be for this one call only. Nothing was decided.';
    case 'hidden_condition':
      return 'A condition tests what is hidden of this call, so nothing was decided.';
    case 'crowded':
      return 'As many allowances or standing denials of this agent are in force as may be, so nothing was decided. Revoke one, or decide this one call.';
    case 'counter_owner':
      return 'This call comes from an agent of yours. You can deny it, and somebody else has to choose what it does instead. Nothing was decided.';
    case 'no_counter':
      return 'Nothing can be proposed in place of this call: it answers what its server asked, or is the last of five counter-proposals in a row. Nothing was decided; you can deny it plainly.';
    case 'bad_counter':
      return 'What you propose cannot be opened, so nothing was decided.';
    default:
      return reason satisfies never;
  }
}

/** Why a yes could not be taken back, with the true state. */
export function takeBackWords(reason: TakeBackRefusal, approval: Approval): string {
  switch (reason) {
    case 'not_approved':
      return `There is no unused approval to take back. ${headline(approval)}. ${stateSentence(approval)}`;
    case 'not_an_approver':
      return 'Only those who may approve this call, and the owner of its agent, can take back the approval.';
    case 'other_call':
      return doorWords('other_call');
    case 'reason_required':
      return 'Taking this back needs a reason.';
    default:
      return reason satisfies never;
  }
}

/** What a person put aside; nobody else sees a difference. */
export function snoozedWords(until: Date, tells: boolean): string {
  const then = tells ? ' If it still waits then, you get a direct message.' : '';
  return `💤 Snoozed for you until ${localTime(until)}: it is hidden in your own inbox until then.${then} Nothing changes for anybody else, and reminders and escalation go on.`;
}

/** Why it was not put aside. */
export function notSnoozedWords(reason: RefusalReason | 'expires_before' | 'too_many', approval: Approval): string {
  if (reason === 'expires_before')
    return `This expires ${localTime(approval.expiresAt)}, which would be before you see it again, or too soon after. So it was not snoozed.`;
  if (reason === 'too_many')
    return `You have snoozed ${MOST_SNOOZES} calls, which is the most. Decide some of them first. This one was not snoozed.`;
  return refusalWords(reason, approval);
}

/** A vote that counts, while the quorum is not reached. */
export function voteWords(approval: Approval): string {
  return `Your approval is recorded. ${quorumSoFar(approval)}.`;
}
