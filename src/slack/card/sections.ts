import { type Approval, type Decision, isOver } from '../../domain/approval.ts';
import { REDACTED } from '../../domain/redact.ts';
import { escalateAt } from '../../domain/reminder.ts';
import { attributed, type Block, context, fields, section } from './block-kit.ts';
import { codeSpan, cut, escapedMrkdwn, groupMention, localTime, oneLine, personMention } from './escape.ts';
import { stateSentence } from './story.ts';

/** Characters of a person's or agent's own words on the card; the full view shows all of them. */
const WORDS = 600;
const NOTE = 280;
/** Notes of the latest votes that the card repeats; the thread has them all. */
const NOTES = 3;
/** People and groups that are named one by one. */
const NAMED = 12;

/** Who asks for what: two columns. */
export function factsSection(approval: Approval): Block {
  const { trace, owner } = approval;
  const risk = [trace.risk ?? 'not stated', trace.severity && `${trace.severity} severity`].filter(Boolean).join(', ');
  return fields([
    `*Agent*\n${codeSpan(approval.grant)}`,
    `*On behalf of*\n${owner === null ? 'nobody in particular' : personMention(owner)}`,
    `*Server*\n${codeSpan(approval.server)}`,
    `*Tool*\n${codeSpan(cut(approval.tool, 300))}`,
    `*Risk*\n${escapedMrkdwn(risk)}`,
    `*Policy rule*\n${codeSpan(cut(trace.rule, 300))}`,
  ]);
}

/** Why it is asked: the policy's words, then the agent's, then what to beware of. */
export function reasonBlocks(approval: Approval): Block[] {
  const { trace, statedReason, previousUnknown } = approval;
  const step = trace.steps.find((s) => s.decided);
  const because = step === undefined ? 'the policy asks for it' : `${step.path}: ${step.says}`;
  // The action of a rule explains itself; a condition that was met does not.
  const plain = step === undefined || step.path.endsWith('.action');
  const why = trace.reason === null ? because : plain ? trace.reason : `${trace.reason} (${because})`;
  const blocks = [attributed('Why it needs approval', cut(oneLine(why), WORDS))];
  if (statedReason !== null) blocks.push(attributed('The agent says (unverified)', cut(oneLine(statedReason), WORDS)));
  if (previousUnknown !== null) {
    blocks.push(
      section(
        `⚠ *The outcome of the same call before this one is unknown* (${codeSpan(previousUnknown)}). It may have run. Check the system before approving it again.`,
      ),
    );
  }
  return blocks;
}

/** The card shows people's and agents' words uncut. */
export function reasonsAreWhole({ trace, statedReason }: Approval): boolean {
  return [statedReason ?? '', trace.reason ?? ''].every((words) => oneLine(words).length <= WORDS - 200);
}

/** What became of it; nothing while it is pending. */
export function outcomeBlocks(approval: Approval): Block[] {
  if (approval.state === 'pending') return [];
  const blocks = [section(stateSentence(approval))];
  const note = noteToShow(approval);
  if (note !== null) blocks.push(attributed('Note', cut(oneLine(note), NOTE)));
  return [...blocks, ...votesWithWords(approval)];
}

/** What is to be told beside where it stands; that time is over says nothing more. */
export function noteToShow({ state, note }: Approval): string | null {
  return state === 'expired' ? null : note;
}

/** How far it is, who may decide, who waits. */
export function waitingBlocks(approval: Approval): Block[] {
  if (isOver(approval.state)) return [];
  const callers = approval.callers > 1 ? `\n${approval.callers} callers wait for the same call.` : '';
  if (approval.state !== 'pending') return callers === '' ? [] : [section(callers.trim())];
  return [
    section(`*${stateSentence(approval)}*\nMay approve: ${mayApprove(approval)}.${later(approval)}${callers}`),
    ...votesWithWords(approval),
  ];
}

/** Who is added when nobody decides. Until then by the groups' names: a mention would call them now. */
function later(approval: Approval): string {
  const { escalate } = approval.requirement;
  const from = escalateAt(approval);
  if (escalate === null || from === null || escalate.groups.length === 0) return '';
  if (approval.escalatedAt !== null) return `\nSince ${localTime(from)} also: ${approverList(escalate)}.`;
  return `\nFrom ${localTime(from)} on also: ${escalate.groups.slice(0, NAMED).map(codeSpan).join(', ')}.`;
}

/** Small print: what the fingerprint is, and what is hidden of the arguments where they are shown. */
export function fineprintBlock(approval: Approval, withArguments = true): Block {
  const lines = [`Request ${codeSpan(approval.id)} · fingerprint ${codeSpan(approval.fingerprint.slice(0, 32))}`];
  if (withArguments && JSON.stringify(approval.arguments).includes(REDACTED)) {
    lines.push(`${codeSpan(REDACTED)} values are hidden by policy; the call carries the real ones`);
  }
  return context(lines);
}

export function mayApprove(approval: Approval): string {
  const { requirement, owner, selfApproval } = approval;
  const who = approverList(requirement);
  if (owner === null) return who;
  return selfApproval
    ? `${who}, the owner too (self_approval)`
    : `${who}, but not ${personMention(owner)}, whose agent it is`;
}

/** A circle of approvers by the config's names, then one by one. */
export function approverList(of: Pick<Approval['requirement'], 'groups' | 'people' | 'userGroups' | 'admin'>): string {
  const one = [...of.people.map(personMention), ...of.userGroups.map(groupMention), ...(of.admin ? ['the admin'] : [])];
  const more = one.length > NAMED ? ` and ${one.length - NAMED} more` : '';
  const groups = of.groups.slice(0, NAMED).map(codeSpan).join(', ');
  const list = `${one.slice(0, NAMED).join(', ')}${more}`;
  return groups === '' ? list || 'nobody' : `${groups} (${list || 'nobody'})`;
}

function votesWithWords(approval: Approval): Block[] {
  return approval.decisions
    .filter((d): d is Decision & { reason: string } => d.reason !== null)
    .slice(-NOTES)
    .map((d) => attributed(d.choice === 'deny' ? 'Reason' : 'Note of an approver', cut(oneLine(d.reason), NOTE)));
}
