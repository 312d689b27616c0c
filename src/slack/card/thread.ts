import { type Approval, type Decision, STATES, type State } from '../../domain/approval/approval.ts';
import { FORGED, isForged } from '../../domain/approval/forged.ts';
import { grantNameOf } from '../../domain/people/principal.ts';
import type { ChannelLine, Crowd } from '../../ports.ts';
import { cut } from '../../text/cut.ts';
import { attributed, type Block, LIMIT, section } from './block-kit.ts';
import { codeSpan, localTime, oneLine } from './escape.ts';
import { answeredBy, approverList, noteToShow } from './sections.ts';
import { quorumSoFar, stateSentence, voter } from './story.ts';

/** What the thread has already said. The card's digest carries it, so that every replica knows. */
export interface ThreadProgress {
  readonly state: State;
  readonly votes: number;
  readonly reminded: boolean;
  readonly escalated: boolean;
  /** How many answers to the server's questions. */
  readonly answers: number;
}

/** A forged approval's digest says so, because its revision does not change with it. */
export function cardDigest(approval: Approval, blocks: string): string {
  const reminders = `${approval.remindedAt === null ? '' : 'r'}${approval.escalatedAt === null ? '' : 'e'}${approval.answers.length || ''}`;
  return `${approval.state}.${approval.decisions.length}.${reminders}.${blocks}${isForged(approval) ? FORGED : ''}`;
}

/** What the thread had said when the card was saved with this digest; for an unknown digest, only that it is pending. */
export function threadProgress(digest: string): ThreadProgress {
  const [state, votes, reminders = '', hash] = digest.split('.');
  const knownState = STATES.find((known) => known === state);
  if (knownState === undefined || hash === undefined)
    return { state: 'pending', votes: 0, reminded: false, escalated: false, answers: 0 };
  const [reminded, escalated] = [reminders.includes('r'), reminders.includes('e')];
  const answers = Number(/\d+$/.exec(reminders)?.[0] ?? 0);
  return { state: knownState, votes: Number(votes) || 0, reminded, escalated, answers };
}

export interface ThreadReply {
  readonly text: string;
  readonly blocks: Block[];
}

/** What to say in the thread next; null if nothing of interest happened (a caller joined, say). */
export function replyAfter(progress: ThreadProgress, approval: Approval): ThreadReply | null {
  const votes = newVotes(progress, approval);
  const reminded = reminders(progress, approval);
  const answers = approval.answers.slice(progress.answers);
  const silent = votes.length === 0 && reminded.length === 0 && answers.length === 0;
  if (silent && progress.state === approval.state) return null;
  // If one vote was enough, the state's sentence names the voter.
  const isNamed = approval.state !== 'pending' && progress.votes === 0 && votes.length === 1;
  const lines = (isNamed ? [] : votes).map(
    (vote) => `${voter(vote)} ${vote.choice === 'approve' ? 'approved' : 'denied'} this call.`,
  );
  if (approval.state === 'pending' && votes.length > 0) lines.push(`${quorumSoFar(approval)}.`);
  else if (progress.state !== approval.state) lines.push(stateSentence(approval));
  const reasons = votes.flatMap(({ choice, reason }) =>
    reason === null ? [] : [attributed(choice === 'deny' ? 'Reason' : 'Note', cut(oneLine(reason), 1000))],
  );
  const beside = progress.state === approval.state ? null : noteToShow(approval);
  const note = beside === null ? [] : [attributed('Note', cut(oneLine(beside), 1000))];
  const given = answers.map(({ text }) => attributed(answeredBy(approval.grant), cut(oneLine(text), 1000)));
  const said = answers.map(
    ({ leg }) => `${codeSpan(grantNameOf(approval.grant))} answered what the server asked${approvedAs(leg)}.`,
  );
  return reply([...said, ...lines, ...reminded].join('\n'), [...given, ...reasons, ...note]);
}

function approvedAs(leg: string | null): string {
  return leg === null ? '' : `, as approved in ${codeSpan(leg)}`;
}

/** What was said since; a denial in place of the same person's yes is new although it is not one more. */
function newVotes(progress: ThreadProgress, { state, decisions }: Approval): readonly Decision[] {
  const votes = decisions.slice(progress.votes);
  if (state !== 'denied' || progress.state === 'denied' || votes.length > 0) return votes;
  return decisions.slice(-1);
}

/** The reminder, or the escalation to further approvers; only while there is something to decide. */
function reminders(progress: ThreadProgress, approval: Approval): string[] {
  const { state, requirement, remindedAt, escalatedAt } = approval;
  if (state !== 'pending') return [];
  const until = `It expires ${localTime(approval.expiresAt)}.`;
  const { escalate } = requirement;
  if (escalate !== null && escalatedAt !== null && !progress.escalated) {
    return [`${quorumSoFar(approval)}. ${approverList(escalate)} may decide this now as well. ${until}`];
  }
  if (remindedAt === null || progress.reminded) return [];
  return [`Still waiting for ${approverList(requirement)}: ${quorumSoFar(approval)}. ${until}`];
}

/** One line instead of more cards. */
export function crowdedLine(grant: string, crowd: Crowd): ThreadReply {
  return reply(`${codeSpan(grantNameOf(grant))} ${crowdText(crowd)}`);
}

/** What the channel is told beside cards. */
export function channelLine({ door, from, at }: ChannelLine): ThreadReply {
  const where = from === null ? '' : ` from ${codeSpan(from)}`;
  return reply(
    `The admin token was used ${door === 'api' ? 'with the API' : 'to sign in to the console'}${where}, ${localTime(at)}. People sign in as themselves here, so this is the way for emergencies. If none of you did this, change HOLDFAST_ADMIN_TOKEN.`,
  );
}

function crowdText(crowd: Crowd): string {
  switch (crowd.kind) {
    case 'pending':
      return `has ${crowd.pending} calls waiting for approval, which is its limit. Further calls are refused until some of them are decided.`;
    case 'openings':
      return `has asked ${crowd.max} times within a ${crowd.window}, which is its limit (approval.openings). Further questions are refused for now.`;
    case 'taken_back':
      return `took back ${crowd.count} of its questions within a minute. Its next cards come up to 20 seconds later, and what it takes back before that is not shown; the console and the log show all of it.`;
    default:
      return crowd satisfies never;
  }
}

function reply(text: string, more: readonly Block[] = []): ThreadReply {
  const short = cut(text, LIMIT.section);
  return { text: short, blocks: [section(short), ...more] };
}
