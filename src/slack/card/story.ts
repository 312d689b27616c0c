import { type Approval, type Decision, GRANT_REVOKED } from '../../domain/approval/approval.ts';
import { standsInFor } from '../../domain/approval/circle.ts';
import { yesTakenBack } from '../../domain/approval/take-back.ts';
import { missingText, tallyOf } from '../../domain/approval/tally.ts';
import { codeSpan, localTime, namedPerson, personMention } from './escape.ts';

/** What happened to an approval, in words shared by card, thread and ephemeral answers. mrkdwn, already escaped. */

export function headline({ state, note, answersTo }: Pick<Approval, 'answersTo' | 'note' | 'state'>): string {
  switch (state) {
    case 'pending':
      return 'Approval needed';
    case 'approved':
      return '✔ Approved, not run yet';
    case 'dispatched':
      return '✔ Approved, running';
    case 'succeeded':
      return '✔ Approved and done';
    case 'failed':
      return '✖ Approved, but the call failed';
    case 'unknown':
      return '⚠ Outcome unknown';
    case 'denied':
      return '✖ Denied';
    case 'expired':
      return 'Expired';
    case 'withdrawn':
      if (note === GRANT_REVOKED) return 'Withdrawn: grant revoked';
      return answersTo === null ? 'Withdrawn by the agent' : 'No longer needed';
    case 'lapsed':
      return yesTakenBack({ state, note }) === null ? 'Approved, but never run' : 'Approved, then taken back';
    default:
      return state satisfies never;
  }
}

/** What is running, and whether its server has said anything yet. */
function running({ awaits }: Approval): string {
  switch (awaits) {
    case null:
      return 'The call was sent and is running.';
    case 'task':
      return 'The call was sent, and the server runs it as a task of its own. It is not done yet.';
    case 'input':
      return 'The call was sent, and the server asked the agent for something before it goes on. It is not done yet.';
    default:
      return awaits satisfies never;
  }
}

/** One or two sentences on the approval's state. */
export function stateSentence(approval: Approval): string {
  if (approval.answersTo !== null) return legSentence(approval);
  switch (approval.state) {
    case 'pending':
      return `${quorumSoFar(approval)}. Expires ${localTime(approval.expiresAt)}.`;
    case 'approved':
      return `${approvedBy(approval)}. Waiting for the agent to collect it${until(approval.pickupUntil)}; nothing has run yet.`;
    case 'dispatched':
      return `${approvedBy(approval)}. ${running(approval)}`;
    case 'succeeded':
      return `${approvedBy(approval)}. The call went through.`;
    case 'failed':
      return `${approvedBy(approval)}. The call ran and failed; the agent has the server’s answer.`;
    case 'unknown':
      return `${approvedBy(approval)}. *Outcome unknown:* the call was sent, but no answer came. Check the system before repeating it; nothing is repeated by itself.`;
    case 'denied':
      return `Denied by ${names(approval.decisions.filter((d) => d.choice === 'deny'))}. Nothing has run.`;
    case 'expired':
      return `Nobody decided in time (${quorumSoFar(approval)}). Nothing has run.`;
    case 'withdrawn':
      return approval.note === GRANT_REVOKED
        ? 'The agent’s grant was revoked before the call was decided. Nothing has run.'
        : 'The agent cancelled the call before anybody decided. Nothing has run.';
    case 'lapsed':
      return `${lapsedBy(approval)}it did not run, and cannot run any more.`;
    default:
      return approval.state satisfies never;
  }
}

/** The same for an answer to what a server asked. */
function legSentence(approval: Approval): string {
  switch (approval.state) {
    case 'pending':
      return `${quorumSoFar(approval)}. Expires ${localTime(approval.expiresAt)}.`;
    case 'approved':
      return `${approvedBy(approval)}. Waiting for the agent to collect it${until(approval.pickupUntil)}; the server has not been answered yet.`;
    case 'dispatched':
      return `${approvedBy(approval)}. The answer was sent; the call goes on.`;
    case 'succeeded':
    case 'failed':
      return `${approvedBy(approval)}. The server has the answer; how its call goes on is told there.`;
    case 'unknown':
      return `${approvedBy(approval)}. *Outcome unknown:* the answer was sent, but nothing came back. Nothing is repeated by itself.`;
    case 'denied':
      return `Denied by ${names(approval.decisions.filter((d) => d.choice === 'deny'))}. The server was not sent this answer.`;
    case 'expired':
      return `Nobody decided in time (${quorumSoFar(approval)}). The server was not sent this answer.`;
    case 'withdrawn':
      return 'No longer needed. The server was not sent this answer.';
    case 'lapsed':
      return `${lapsedBy(approval)}the answer was not sent and cannot be any more.`;
    default:
      return approval.state satisfies never;
  }
}

export function quorumSoFar(approval: Approval): string {
  const votes = approval.decisions.filter((d) => d.choice === 'approve');
  const { quorum } = approval.requirement;
  const tally = tallyOf(approval);
  const lacking = missingText(tally, codeSpan);
  const count = `${tally.people} of ${quorum} approvals`;
  const given = votes.length > 0 ? `${count}: ${names(votes)}` : count;
  return lacking === '' ? given : `${given}; ${lacking}`;
}

/** Who voted, through which door, and whether for their own agent. */
export function voter(decision: Decision): string {
  const door = decision.via === 'slack' || decision.approver === 'admin' ? '' : ` (${decision.via})`;
  const others = standsInFor(decision.rights).map((each) => personMention(each.for));
  const inPlace = others.length === 0 ? '' : ` in the place of ${[...new Set(others)].join(', ')}`;
  const own = decision.self ? ' (own agent, allowed by self_approval)' : '';
  const under = decision.allowance === undefined ? '' : ` by the allowance ${codeSpan(decision.allowance)}`;
  return `${namedPerson(decision.approver, decision.person)}${door}${inPlace}${own}${under}`;
}

function approvedBy(approval: Approval): string {
  return `Approved by ${names(approval.decisions.filter((d) => d.choice === 'approve')) || 'nobody'}`;
}

/** The beginning of the sentence on an approval that nobody used. */
function lapsedBy(approval: Approval): string {
  const back = yesTakenBack(approval);
  return back === null
    ? `${approvedBy(approval)}, but `
    : `${approvedBy(approval)}. ${personMention(back.by)} took the yes back: `;
}

function names(decisions: readonly Decision[]): string {
  return decisions.map(voter).join(', ');
}

function until(at: Date | null): string {
  return at === null ? '' : ` until ${localTime(at)}`;
}
