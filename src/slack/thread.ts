import { type Approval, STATES, type State } from '../domain/approval.ts';
import { type Block, LIMIT, said, section } from './blocks.ts';
import { circle } from './card-sections.ts';
import { code, cut, instant, oneLine } from './escape.ts';
import { quorumSoFar, standing, voter } from './story.ts';

/** How much of the story the thread has told: the card's digest carries it, so that every replica knows. */
export interface Told {
  readonly state: State;
  readonly votes: number;
}

export function cardDigest(approval: Approval, blocks: string): string {
  return `${approval.state}.${approval.decisions.length}.${blocks}`;
}

/** What a card that was saved with this digest had told; a card of unknown digest told only that it is pending. */
export function toldBy(digest: string): Told {
  const [state, votes, hash] = digest.split('.');
  const known = STATES.find((one) => one === state);
  if (known === undefined || hash === undefined) return { state: 'pending', votes: 0 };
  return { state: known, votes: Number(votes) || 0 };
}

export interface Reply {
  readonly text: string;
  readonly blocks: Block[];
}

/** The thread's next line; null when nothing of interest happened (a caller joined). */
export function replyAfter(told: Told, approval: Approval): Reply | null {
  const votes = approval.decisions.slice(told.votes);
  if (votes.length === 0 && told.state === approval.state) return null;
  // Where one word was enough, the standing names who said it.
  const named = approval.state !== 'pending' && told.votes === 0 && votes.length === 1;
  const lines = (named ? [] : votes).map(
    (vote) => `${voter(vote)} ${vote.choice === 'approve' ? 'approved' : 'denied'} this call.`,
  );
  if (approval.state === 'pending') lines.push(`${quorumSoFar(approval)}.`);
  else if (told.state !== approval.state) lines.push(standing(approval));
  const text = lines.join('\n');
  const words = votes.flatMap(({ choice, reason }) =>
    reason === null ? [] : [said(choice === 'deny' ? 'Reason' : 'Note', cut(oneLine(reason), 1000))],
  );
  const note =
    approval.note === null || told.state === approval.state ? [] : [said('Note', cut(oneLine(approval.note), 1000))];
  return reply(text, [...words, ...note]);
}

/** Half of the time is over: a line for those who may approve. */
export function reminder(approval: Approval): Reply {
  return reply(
    `Still waiting for ${circle(approval.requirement)}: ${quorumSoFar(approval)}. It expires ${instant(approval.expiresAt)}.`,
  );
}

/** Further approvers may decide from now on. */
export function escalation(approval: Approval): Reply {
  const { escalate } = approval.requirement;
  const who = escalate === null ? 'nobody' : circle(escalate);
  return reply(`Nobody decided yet. ${who} may approve this now as well. It expires ${instant(approval.expiresAt)}.`);
}

/** One line instead of one more card: the grant has as many pending approvals as it may have. */
export function crowdedLine(grant: string, pending: number): Reply {
  return reply(
    `${code(grant)} has ${pending} calls waiting for approval, as many as it may. Its further calls are refused until some of them are decided.`,
  );
}

function reply(text: string, more: readonly Block[] = []): Reply {
  const short = cut(text, LIMIT.section);
  return { text: short, blocks: [section(short), ...more] };
}
