import { type Approval, type Decision, isOver } from '../../domain/approval.ts';
import { REDACTED } from '../../domain/redact.ts';
import { escalateAt } from '../../domain/reminder.ts';
import { type Block, context, fields, said, section } from './block-kit.ts';
import { code, cut, escaped, instant, oneLine, person, userGroup } from './escape.ts';
import { standing } from './story.ts';

/** Characters of a person's or agent's own words on the card; the full view shows all of them. */
const WORDS = 600;
const NOTE = 280;
/** Notes of the latest votes that the card repeats; the thread has them all. */
const NOTES = 3;
/** People and groups that are named one by one. */
const NAMED = 12;

/** Who asks for what: two columns. */
export function facts(approval: Approval): Block {
  const { trace, owner } = approval;
  const risk = [trace.risk ?? 'not stated', trace.severity && `${trace.severity} severity`].filter(Boolean).join(', ');
  return fields([
    `*Agent*\n${code(approval.grant)}`,
    `*On behalf of*\n${owner === null ? 'nobody in particular' : person(owner)}`,
    `*Server*\n${code(approval.server)}`,
    `*Tool*\n${code(cut(approval.tool, 300))}`,
    `*Risk*\n${escaped(risk)}`,
    `*Policy rule*\n${code(cut(trace.rule, 300))}`,
  ]);
}

/** Why it is asked: the policy's words, then the agent's, then what to beware of. */
export function reasons(approval: Approval): Block[] {
  const { trace, statedReason, previousUnknown } = approval;
  const step = trace.steps.find((s) => s.decided);
  const because = step === undefined ? 'the policy asks for it' : `${step.path}: ${step.says}`;
  // The action of a rule explains itself; a condition that was met does not.
  const plain = step === undefined || step.path.endsWith('.action');
  const why = trace.reason === null ? because : plain ? trace.reason : `${trace.reason} (${because})`;
  const blocks = [said('Why it needs approval', cut(oneLine(why), WORDS))];
  if (statedReason !== null) blocks.push(said('The agent says (unverified)', cut(oneLine(statedReason), WORDS)));
  if (previousUnknown !== null) {
    blocks.push(
      section(
        `⚠ *The outcome of the same call before this one is unknown* (${code(previousUnknown)}). It may have run. Check the system before approving it again.`,
      ),
    );
  }
  return blocks;
}

/** The card shows people's and agents' words uncut. */
export function wordsAreWhole({ trace, statedReason }: Approval): boolean {
  return [statedReason ?? '', trace.reason ?? ''].every((words) => oneLine(words).length <= WORDS - 200);
}

/** What became of it; nothing while it is pending. */
export function outcome(approval: Approval): Block[] {
  if (approval.state === 'pending') return [];
  const blocks = [section(standing(approval))];
  const note = noteBeside(approval);
  if (note !== null) blocks.push(said('Note', cut(oneLine(note), NOTE)));
  return [...blocks, ...votesWithWords(approval)];
}

/** What is to be told beside where it stands; that time is over says nothing more. */
export function noteBeside({ state, note }: Approval): string | null {
  return state === 'expired' ? null : note;
}

/** How far it is, who may decide, who waits. */
export function waiting(approval: Approval): Block[] {
  if (isOver(approval.state)) return [];
  const callers = approval.callers > 1 ? `\n${approval.callers} callers wait for the same call.` : '';
  if (approval.state !== 'pending') return callers === '' ? [] : [section(callers.trim())];
  return [
    section(`*${standing(approval)}*\nMay approve: ${mayApprove(approval)}.${later(approval)}${callers}`),
    ...votesWithWords(approval),
  ];
}

/** Who is added when nobody decides. Until then by the groups' names: a mention would call them now. */
function later(approval: Approval): string {
  const { escalate } = approval.requirement;
  const from = escalateAt(approval);
  if (escalate === null || from === null || escalate.groups.length === 0) return '';
  if (approval.escalatedAt !== null) return `\nSince ${instant(from)} also: ${circle(escalate)}.`;
  return `\nFrom ${instant(from)} on also: ${escalate.groups.slice(0, NAMED).map(code).join(', ')}.`;
}

/** Small print: what the fingerprint is, and what is hidden of the arguments where they are shown. */
export function fineprint(approval: Approval, withArguments = true): Block {
  const lines = [`Request ${code(approval.id)} · fingerprint ${code(approval.fingerprint.slice(0, 32))}`];
  if (withArguments && JSON.stringify(approval.arguments).includes(REDACTED)) {
    lines.push(`${code(REDACTED)} values are hidden by policy; the call carries the real ones`);
  }
  return context(lines);
}

export function mayApprove(approval: Approval): string {
  const { requirement, owner, selfApproval } = approval;
  const who = circle(requirement);
  if (owner === null) return who;
  return selfApproval ? `${who}, the owner too (self_approval)` : `${who}, but not ${person(owner)}, whose agent it is`;
}

/** A circle of approvers by the config's names, then one by one. */
export function circle(of: Pick<Approval['requirement'], 'groups' | 'people' | 'userGroups' | 'admin'>): string {
  const one = [...of.people.map(person), ...of.userGroups.map(userGroup), ...(of.admin ? ['the admin'] : [])];
  const more = one.length > NAMED ? ` and ${one.length - NAMED} more` : '';
  const groups = of.groups.slice(0, NAMED).map(code).join(', ');
  const list = `${one.slice(0, NAMED).join(', ')}${more}`;
  return groups === '' ? list || 'nobody' : `${groups} (${list || 'nobody'})`;
}

function votesWithWords(approval: Approval): Block[] {
  return approval.decisions
    .filter((d): d is Decision & { reason: string } => d.reason !== null)
    .slice(-NOTES)
    .map((d) => said(d.choice === 'deny' ? 'Reason' : 'Note of an approver', cut(oneLine(d.reason), NOTE)));
}
