import { type Approval, STATES, type State } from '../../domain/approval.ts';
import { attributed, type Block, LIMIT, section } from './block-kit.ts';
import { codeSpan, cut, localTime, oneLine } from './escape.ts';
import { approverList, noteToShow } from './sections.ts';
import { quorumSoFar, stateSentence, voter } from './story.ts';

/** How much of the story the thread has told: the card's digest carries it, so that every replica knows. */
export interface ThreadProgress {
  readonly state: State;
  readonly votes: number;
  readonly reminded: boolean;
  readonly escalated: boolean;
}

export function cardDigest(approval: Approval, blocks: string): string {
  const silence = `${approval.remindedAt === null ? '' : 'r'}${approval.escalatedAt === null ? '' : 'e'}`;
  return `${approval.state}.${approval.decisions.length}.${silence}.${blocks}`;
}

/** What a card that was saved with this digest had told; a card of unknown digest told only that it is pending. */
export function threadProgress(digest: string): ThreadProgress {
  const [state, votes, silence = '', hash] = digest.split('.');
  const known = STATES.find((one) => one === state);
  if (known === undefined || hash === undefined)
    return { state: 'pending', votes: 0, reminded: false, escalated: false };
  const [reminded, escalated] = [silence.includes('r'), silence.includes('e')];
  return { state: known, votes: Number(votes) || 0, reminded, escalated };
}

export interface ThreadReply {
  readonly text: string;
  readonly blocks: Block[];
}

/** The thread's next lines; null when nothing of interest happened (a caller joined). */
export function replyAfter(told: ThreadProgress, approval: Approval): ThreadReply | null {
  const votes = approval.decisions.slice(told.votes);
  const silence = afterSilence(told, approval);
  if (votes.length === 0 && silence.length === 0 && told.state === approval.state) return null;
  // Where one word was enough, the standing names who said it.
  const named = approval.state !== 'pending' && told.votes === 0 && votes.length === 1;
  const lines = (named ? [] : votes).map(
    (vote) => `${voter(vote)} ${vote.choice === 'approve' ? 'approved' : 'denied'} this call.`,
  );
  if (approval.state === 'pending' && votes.length > 0) lines.push(`${quorumSoFar(approval)}.`);
  else if (told.state !== approval.state) lines.push(stateSentence(approval));
  const words = votes.flatMap(({ choice, reason }) =>
    reason === null ? [] : [attributed(choice === 'deny' ? 'Reason' : 'Note', cut(oneLine(reason), 1000))],
  );
  const beside = told.state === approval.state ? null : noteToShow(approval);
  const note = beside === null ? [] : [attributed('Note', cut(oneLine(beside), 1000))];
  return reply([...lines, ...silence].join('\n'), [...words, ...note]);
}

/** Who is called again, and who is called now: only while there is something to decide. */
function afterSilence(told: ThreadProgress, approval: Approval): string[] {
  const { state, requirement, remindedAt, escalatedAt } = approval;
  if (state !== 'pending') return [];
  const until = `It expires ${localTime(approval.expiresAt)}.`;
  const { escalate } = requirement;
  if (escalate !== null && escalatedAt !== null && !told.escalated) {
    return [`${quorumSoFar(approval)}. ${approverList(escalate)} may decide this now as well. ${until}`];
  }
  if (remindedAt === null || told.reminded) return [];
  return [`Still waiting for ${approverList(requirement)}: ${quorumSoFar(approval)}. ${until}`];
}

/** One line instead of one more card: the grant has as many pending approvals as it may have. */
export function crowdedLine(grant: string, pending: number): ThreadReply {
  return reply(
    `${codeSpan(grant)} has ${pending} calls waiting for approval, as many as it may. Its further calls are refused until some of them are decided.`,
  );
}

function reply(text: string, more: readonly Block[] = []): ThreadReply {
  const short = cut(text, LIMIT.section);
  return { text: short, blocks: [section(short), ...more] };
}
