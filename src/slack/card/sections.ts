import { type Approval, type Decision, isOver } from '../../domain/approval/approval.ts';
import { standInsOf } from '../../domain/approval/circle.ts';
import { CUE_WORDS, cuesOf } from '../../domain/approval/cue.ts';
import { escalateAt } from '../../domain/approval/reminder.ts';
import { yesTakenBack } from '../../domain/approval/take-back.ts';
import { hiddenCount, hiddenMarks, hiddenSentences } from '../../domain/call/hidden-marks.ts';
import { placesHiddenByName } from '../../domain/call/hidden-places.ts';
import { introductionIn } from '../../domain/call/introduction.ts';
import type { Freeze } from '../../domain/freeze/freeze.ts';
import { REDACTED } from '../../domain/json/redact.ts';
import { grantNameOf } from '../../domain/people/principal.ts';
import { cut } from '../../text/cut.ts';
import { visible } from '../../text/visible.ts';
import { pieces } from './argument-table.ts';
import { attributed, type Block, context, fields, label, preformatted, richText, section } from './block-kit.ts';
import { codeSpan, escapedMrkdwn, groupMention, localTime, namedPerson, oneLine, personMention } from './escape.ts';
import { stateSentence } from './story.ts';

/** Most characters of an agent's or policy's reason in a quote: more is cut on the card, and in boxes in the full view. */
const REASON = 600;
/** Most characters of a reason that counts as whole: the condition that was met may follow it. */
const MOST_WHOLE = REASON - 200;
/** Most characters on the card of the reason of a caller who joined. */
const LATER_REASON = 280;
/** Most characters of the places of hidden values; longer ones are left to the marks themselves. */
const PLACES = 600;
/** Most characters of a box; Slack documents 3000. */
const BOX = 2800;
/** Most characters of a person's note or reason. */
const NOTE = 280;
/** How many of the latest votes' notes the card repeats; the thread has them all. */
const NOTES = 3;
/** How many who stand in for others are named. */
const STAND_INS = 4;
/** How many people and groups are named one by one. */
const NAMED = 12;

/** Who asks for what, in two columns. */
export function factsSection(approval: Approval): Block {
  const { trace, owner } = approval;
  const risk = [trace.risk ?? 'not stated', trace.severity && `${trace.severity} severity`].filter(Boolean).join(', ');
  return fields([
    `*Agent*\n${codeSpan(grantNameOf(approval.grant))}`,
    `*On behalf of*\n${owner === null ? 'nobody (no owner)' : personMention(owner)}`,
    `*Server*\n${codeSpan(approval.server)}`,
    `*Tool*\n${codeSpan(cut(approval.tool, 300))}`,
    `*Risk*\n${escapedMrkdwn(risk)}`,
    `*Policy rule*\n${codeSpan(cut(trace.rule, 300))}`,
  ]);
}

/** What makes this question look different, a sentence each; in our own words only. */
export function cueBlocks(approval: Approval): Block[] {
  const cues = cuesOf(approval).map((cue) => CUE_WORDS[cue]);
  return cues.length === 0 ? [] : [context(cues.map(({ sign, short, says }) => `${sign} *${short}.* ${says}`))];
}

/** The same at a glance, for a line among those of other calls; and that a person, not its agent, chose the arguments. */
export function cueNotes(approval: Approval): string[] {
  const cues = cuesOf(approval).map((cue) => `${CUE_WORDS[cue].sign} ${CUE_WORDS[cue].short}`);
  return [...cues, ...(approval.counterOf === undefined ? [] : ['↩ a counter-proposal'])];
}

/** The policy's sentence about the call, with the call's values set as code. */
export function summaryBlocks({ trace }: Approval): Block[] {
  if (trace.summary === undefined) return [];
  const elements = trace.summary.map((part) =>
    'text' in part
      ? { type: 'text', text: part.text, style: { bold: true } }
      : { type: 'text', text: part.value, style: { bold: true, code: true } },
  );
  return [richText([{ type: 'rich_text_section', elements }])];
}

/**
 * Why approval is needed: the policy's reason, then the agent's, then a warning if one applies. The card cuts them, the
 * full view has them whole.
 */
export function reasonBlocks(approval: Approval, where: 'card' | 'full view'): Block[] {
  const words = where === 'card' ? cutAt(REASON) : uncut;
  const laterWords = where === 'card' ? cutAt(LATER_REASON) : uncut;
  const { trace, statedReason, laterReasons, previousUnknown } = approval;
  const step = trace.steps.find((s) => s.decided);
  const because = step === undefined ? 'the policy asks for it' : `${step.path}: ${step.says}`;
  // A rule's action explains itself; a condition that was met does not.
  const selfEvident = step === undefined || step.path.endsWith('.action');
  const why = trace.reason === null ? because : selfEvident ? trace.reason : `${trace.reason} (${because})`;
  const blocks = [
    ...words('Why it needs approval', why),
    ...(statedReason === null ? [] : words('The agent says (unverified)', statedReason)),
    ...laterReasons.flatMap((reason) => laterWords('Another caller says (unverified)', reason)),
    ...questionBlocks(approval, words),
  ];
  if (previousUnknown !== null) {
    blocks.push(
      section(
        `⚠ *The outcome of the same call before this one is unknown* (${codeSpan(previousUnknown)}). It may have run. Check the system before approving it again.`,
      ),
    );
  }
  return blocks;
}

/** Whether the card shows the callers' and the policy's reasons uncut. */
export function reasonsAreWhole({ trace, statedReason, laterReasons, asked }: Approval): boolean {
  return (
    [statedReason ?? '', trace.reason ?? '', asked?.text ?? ''].every(
      (reason) => oneLine(reason).length <= MOST_WHOLE,
    ) && laterReasons.every((reason) => oneLine(reason).length <= LATER_REASON)
  );
}

type WordBlocks = (by: string, text: string) => Block[];

function cutAt(most: number): WordBlocks {
  return (by, text) => [attributed(by, cut(oneLine(text), most))];
}

/** Short words as a quote on one line, longer ones in boxes. */
function uncut(by: string, text: string): Block[] {
  return oneLine(text).length <= REASON ? [attributed(by, oneLine(text))] : inFull(by, visible(text));
}

function inFull(by: string, text: string): Block[] {
  return pieces(text, BOX).map((piece, index, all) => {
    const part = all.length > 1 ? `, part ${index + 1} of ${all.length}` : '';
    return richText([label(`${by}${part}`), preformatted(piece)]);
  });
}

/** What a leg answers: the server's word, marked as such. */
function questionBlocks({ answersTo, asked }: Approval, words: WordBlocks): Block[] {
  if (answersTo === null) return [];
  return [
    section(`*Answers what the server asked during* ${codeSpan(answersTo)}`),
    ...words('The server asked (its own words)', asked?.text ?? ''),
  ];
}

/** The latest answers to what the server asked meanwhile, in the agent's words. */
function givenBlocks({ answers, grant }: Approval): Block[] {
  return answers.slice(-NOTES).map(({ text }) => attributed(answeredBy(grant), cut(oneLine(text), NOTE)));
}

/** A label for what an agent answered; plain text. */
export function answeredBy(grant: string): string {
  return `${cut(visible(grantNameOf(grant)), 100)} answered what the server asked`;
}

/** How the approval ended, and its notes; nothing while it is pending. */
export function outcomeBlocks(approval: Approval): Block[] {
  if (approval.state === 'pending') return [];
  const blocks = [section(stateSentence(approval))];
  const note = noteToShow(approval);
  if (note !== null) blocks.push(attributed('Note', cut(oneLine(note), NOTE)));
  return [...blocks, ...givenBlocks(approval), ...votesWithReasons(approval)];
}

/** The note to show next to the state: where the state's sentence says it all, only what a person gave as the reason. */
export function noteToShow(approval: Approval): string | null {
  if (approval.state === 'expired') return null;
  const back = yesTakenBack(approval);
  return back === null ? approval.note : back.reason;
}

/** That nothing of it runs for now, by whose word and why. A decision counts all the same. */
export function freezeBlocks({ state }: Approval, freeze: Freeze | null): Block[] {
  if (freeze === null || (state !== 'pending' && state !== 'approved')) return [];
  const { scope, by, since, reason } = freeze;
  const what = scope.kind === 'all' ? 'Everything' : `The ${scope.kind} ${codeSpan(scope.name)}`;
  const then =
    state === 'pending'
      ? 'You can still decide. Once approved, the call waits for an operator to thaw, until it expires.'
      : 'The approved call waits for an operator to thaw, until it expires.';
  return [
    section(`❄ *${what} is frozen* by ${personMention(by)} since ${localTime(since)}: nothing new runs. ${then}`),
    attributed('Why it is frozen', cut(oneLine(reason), NOTE)),
  ];
}

/** That a click does not approve it, and what does; nothing where one does, or nobody can decide it any more. */
export function signBlocks({ state, requirement: { stepUp } }: Approval): Block[] {
  if (stepUp === undefined || state !== 'pending') return [];
  if (stepUp.origin === null) {
    return [
      section(
        '🔏 *Nobody can approve this*: it has to be signed with a passkey, and the gateway has no place where people can sign (`oidc`, and a public address with https). Deny works here.',
      ),
    ];
  }
  return [
    section(
      '🔏 *An approval has to be signed with your passkey.* *Review and sign…* opens the call in the console, and decides nothing by itself. Deny works here.',
    ),
  ];
}

/** How many have approved, who may approve, and how many callers wait. */
export function waitingBlocks(approval: Approval): Block[] {
  if (isOver(approval.state)) return [];
  const callers = `${crowd(approval)}${gaveUp(approval)}`;
  if (approval.state !== 'pending') return callers === '' ? [] : [section(callers.trim())];
  return [
    section(
      `*${stateSentence(approval)}*\nMay approve: ${mayApprove(approval)}.${quietLine(approval)}${escalation(approval)}${substitutes(approval)}${callers}`,
    ),
    ...votesWithReasons(approval),
  ];
}

function crowd({ callers }: Approval): string {
  return callers > 1 ? `\n${callers} callers wait for the same call.` : '';
}

/** A client's time was over before anybody decided; nothing runs until it calls again. */
function gaveUp({ callers, gaveUp, state }: Approval): string {
  if (gaveUp === 0 || (state !== 'pending' && state !== 'approved')) return '';
  const who = callers === 1 ? 'The caller' : gaveUp === callers ? 'All of them' : `${gaveUp} of them`;
  const then = gaveUp === callers ? ' Nothing runs until the agent makes the same call again.' : '';
  return `\n⏳ ${who} gave up waiting.${then}`;
}

/** That others are asked than by day. Those by their groups' names only: a mention would wake them. */
function quietLine({ requirement: { quiet } }: Approval): string {
  if (quiet === undefined) return '';
  const others = quiet.insteadOf.slice(0, NAMED).map(codeSpan).join(', ');
  return `\n🌙 Quiet hours (${codeSpan(`${quiet.from}–${quiet.to} ${quiet.zone}`)}): asked of ${codeSpan(quiet.group)} instead of ${others || 'nobody'}.`;
}

/** Who may decide after the escalation. Before it only by their groups' names: a mention would notify them at once. */
function escalation(approval: Approval): string {
  const { escalate } = approval.requirement;
  const from = escalateAt(approval);
  if (escalate === null || from === null || escalate.groups.length === 0) return '';
  if (approval.escalatedAt !== null)
    return `\nSince ${localTime(from)} also: ${approverList(escalate, approval.requirement.names)}.`;
  return `\nFrom ${localTime(from)} on also: ${escalate.groups.slice(0, NAMED).map(codeSpan).join(', ')}.`;
}

/** Who decides in the place of whom, and until when. Of those who may only after the escalation, once that is there. */
function substitutes({ requirement, escalatedAt }: Approval): string {
  const { names = {} } = requirement;
  const named = (id: string): string => namedPerson(id, Object.hasOwn(names, id) ? names[id] : undefined);
  const all = standInsOf([requirement, escalatedAt === null ? null : requirement.escalate]);
  const lines = all
    .slice(0, STAND_INS)
    .map(
      (each) =>
        `\n${named(each.by)} stands in for ${named(each.for)} in ${codeSpan(each.group)} until ${localTime(new Date(each.until))}.`,
    );
  return `${lines.join('')}${all.length > STAND_INS ? `\n${all.length - STAND_INS} more stand in for others.` : ''}`;
}

/** Small print: the fingerprint, what is hidden of the arguments, and how the client introduced itself. */
export function fineprintBlock(approval: Approval, withArguments = true): Block {
  const lines = [`Request ${codeSpan(approval.id)} · fingerprint ${codeSpan(approval.fingerprint.slice(0, 32))}`];
  if (!withArguments) return context(lines);
  const { sent } = approval;
  // Above the buttons of a pending approval stands a warning about the others.
  const hidden = approval.state === 'pending' ? { ...approval.hidden, byName: 0, byValue: 0 } : approval.hidden;
  const count = hiddenCount(hidden);
  if (count > 0) {
    const really = count === 1 ? 'the real value' : 'the real values';
    lines.push(`${hiddenSentences(hidden).join(', ')} (${codeSpan(REDACTED)}); the call contains ${really}`);
  }
  const { client, capabilities } = introductionIn(sent.meta);
  const can =
    capabilities === null || capabilities.length === 0 ? [] : [`can do ${capabilities.map(codeSpan).join(', ')}`];
  const says = [...(client === null ? [] : [codeSpan(client)]), ...can];
  if (says.length > 0) lines.push(`Client (unverified): ${says.join(', ')}`);
  return context(lines);
}

/**
 * What of a pending approval is hidden although no policy says so, for which one click does not approve; null: nothing
 * is. mrkdwn.
 */
export function hiddenWarning(approval: Approval): string | null {
  if (approval.state !== 'pending') return null;
  const { byName: named, byValue: repeated = 0 } = approval.hidden;
  const [byName] = hiddenSentences({ byPolicy: 0, byName: named });
  const lines: string[] = [];
  if (byName !== undefined) {
    const places = placesHiddenByName(approval).map(codeSpan).join(', ');
    const where = places === '' || places.length > PLACES ? '' : ` at ${places}`;
    lines.push(
      `⚠ *${byName}* (${codeSpan(REDACTED)}${where}), and not by the policy. The caller may have chosen the names.`,
    );
  }
  if (repeated > 0) {
    const where = repeated === 1 ? 'One more text repeats' : `${repeated.toLocaleString('en-US')} more texts repeat`;
    lines.push(`⚠ *${where} a hidden value* (${codeSpan(REDACTED)} there too). The call itself contains the real one.`);
  }
  if (hiddenMarks(approval) === 'unclear') {
    lines.push(
      `⚠ *The agent also sent text that reads* ${codeSpan(REDACTED)}, so you cannot tell which of these are hidden values.`,
    );
  }
  return lines.length === 0 ? null : lines.join('\n');
}

export function mayApprove(approval: Approval): string {
  const { requirement, owner, selfApproval } = approval;
  const places = requirement.places?.slice(0, NAMED).map(({ group, count }) => `${count} of ${codeSpan(group)}`);
  const who = `${places === undefined ? '' : `${places.join(' and ')}, from `}${approverList(requirement, requirement.names)}`;
  if (owner === null) return who;
  return selfApproval
    ? `${who}, the owner too (self_approval)`
    : `${who}, but not ${personMention(owner)}, whose agent it is`;
}

/** Approvers by the names of their groups in the config, then one by one. */
export function approverList(
  of: Pick<Approval['requirement'], 'groups' | 'people' | 'userGroups' | 'admin'>,
  names: Approval['requirement']['names'] = {},
): string {
  const each = [
    ...of.people.map((id) => namedPerson(id, Object.hasOwn(names, id) ? names[id] : undefined)),
    ...of.userGroups.map(groupMention),
    ...(of.admin ? ['the admin'] : []),
  ];
  const more = each.length > NAMED ? ` and ${each.length - NAMED} more` : '';
  const groups = of.groups.slice(0, NAMED).map(codeSpan).join(', ');
  const list = `${each.slice(0, NAMED).join(', ')}${more}`;
  return groups === '' ? list || 'nobody' : `${groups} (${list || 'nobody'})`;
}

function votesWithReasons(approval: Approval): Block[] {
  return approval.decisions
    .filter((d): d is Decision & { reason: string } => d.reason !== null)
    .slice(-NOTES)
    .map((d) => attributed(d.choice === 'deny' ? 'Reason' : 'Note of an approver', cut(oneLine(d.reason), NOTE)));
}
