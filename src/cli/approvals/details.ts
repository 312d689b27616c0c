import { previewSays } from '../../domain/approval/preview-text.ts';
import { alsoSent } from '../../domain/call/also-sent.ts';
import { type CallWithMarks, type HiddenMarks, hiddenMarks, hiddenSentences } from '../../domain/call/hidden-marks.ts';
import { placesHiddenByName } from '../../domain/call/hidden-places.ts';
import { NOTHING_HIDDEN, NOTHING_MORE, type Sent } from '../../domain/call/sent.ts';
import type { Json } from '../../domain/json/json.ts';
import { REDACTED } from '../../domain/json/redact.ts';
import { shownLine } from '../../domain/view/shown-line.ts';
import { viewsOf } from '../../domain/view/view.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { inkedFor, joined, type Printed, printed, printedName } from '../../text/printed.ts';
import type { EarlierRun } from './earlier-runs.ts';
import { approvalLine, type ListedApproval } from './listed-approval.ts';
import { type DetailEntry, requirementEntries } from './requirement-entries.ts';

/** A hidden value on a line of its own. Inside a text, its quotes would be escaped. */
const HIDDEN_VALUE = /(^ *|: )"\[redacted\]"(,?)$/;
/** Columns of the names on the left. */
const WIDTH = 13;

/** One approval in full: whose call it is, who has to approve it, everything that is forwarded, why, and who decided. */
export function approvalDetails(
  approval: ListedApproval,
  earlier: readonly EarlierRun[] | null = null,
  terminal: Pick<Terminal, 'colour'> = {},
): Printed {
  const { sent = NOTHING_MORE, hidden = NOTHING_HIDDEN } = approval;
  const marks = hiddenMarks({ arguments: approval.arguments, sent, hidden });
  const entries: DetailEntry[] = [
    ...(approval.summary ? [['in words', [approval.summary]] as const] : []),
    ...(approval.unusual?.length ? [['unusual', approval.unusual] as const] : []),
    ...requirementEntries(approval),
    ['fingerprint', [approval.fingerprint]],
    ...viewEntries(approval.arguments),
    ['arguments', jsonLines(approval.arguments, marks)],
    ...sentEntries(sent, marks),
    ...hiddenEntries({ arguments: approval.arguments, sent, hidden }, marks),
    ...previewEntries(approval),
    ...counterEntries(approval),
    ...reasonEntries(approval),
    ...legEntries(approval),
    ...(approval.answers ?? []).map(
      ({ text, leg }): DetailEntry => ['answered', [`${text}${leg === null ? '' : ` (approved as ${leg})`}`]],
    ),
    ['decisions', decisionLines(approval)],
    ...earlierEntries(approval, earlier),
  ];
  const head = inkedFor(terminal, 'bold', approvalLine(approval));
  return printed`${head}${joined(
    entries.map(
      ([name, lines]) =>
        printed`${inkedFor(terminal, 'dim', name.padEnd(WIDTH))}${joined(lines, `\n${' '.repeat(WIDTH)}`)}\n`,
    ),
    '',
  )}`;
}

/** JSON over several lines. A hidden value is the only one that stands without quotes. */
function jsonLines(value: Json, marks: HiddenMarks): string[] {
  // Its own line breaks only: those in texts are escaped by JSON.
  const lines = JSON.stringify(value, null, 2).split('\n');
  return marks === 'hidden' ? lines.map((line) => line.replace(HIDDEN_VALUE, '$1[redacted]$2')) : lines;
}

/** Values of the arguments as what they are; what is too long for that stands among the arguments. */
function viewEntries(args: Json): DetailEntry[] {
  return viewsOf(args).map(({ path, name, says, lines }): DetailEntry => {
    const file = name === null ? printed`` : printed`, ${printedName(name)}`;
    return [
      'shown as',
      [printed`${printedName(path)}${file}: ${says}`, ...lines.map((line) => `  ${shownLine(line)}`)],
    ];
  });
}

/** What the server says of how things stand, which nobody has verified. */
function previewEntries({ preview = null }: ListedApproval): DetailEntry[] {
  if (preview === null) return [];
  const says = joined(
    previewSays(preview).map((part) => ('text' in part ? printed`${part.text}` : printedName(part.value))),
    '',
  );
  return [['how it is', preview.kind === 'none' ? [says] : [printed`(${says})`, ...preview.text.split('\n')]]];
}

function sentEntries(sent: Sent, marks: HiddenMarks): DetailEntry[] {
  const { introduction, everything } = alsoSent(sent);
  const besides = [...everything()].flatMap(({ name, value }) => {
    const [first = '', ...more] = jsonLines(value, marks);
    return [printed`${printedName(name)}: ${first}`, ...more];
  });
  return [
    ...(besides.length === 0 ? [] : [['also sent', besides] as const]),
    ...(introduction.client === null ? [] : [['client', [`${introduction.client} (unverified)`]] as const]),
    ...(introduction.capabilities?.length ? [['client can', [introduction.capabilities.join(', ')]] as const] : []),
  ];
}

function hiddenEntries(call: CallWithMarks, marks: HiddenMarks): DetailEntry[] {
  const places = placesHiddenByName(call).map((place) => printed`by its name: ${printedName(place)}`);
  const sentences = [...hiddenSentences(call.hidden), ...places];
  const mixed =
    marks === 'unclear'
      ? [`the agent also sent text that reads ${REDACTED}, so you cannot tell which are hidden values`]
      : [];
  return sentences.length === 0 ? [] : [['hidden', [...sentences, ...mixed]]];
}

/** Whose proposal it is, and what it changes. */
function counterEntries({ counterOf = null }: ListedApproval): DetailEntry[] {
  if (counterOf === null) return [];
  const side = (text: string | null): string => text ?? '(not there)';
  const changes = counterOf.changes.map(
    ({ path, before, after }) => printed`${printedName(path)}: ${side(before)} → ${side(after)}`,
  );
  const more = counterOf.more > 0 ? [`… and ${counterOf.more} more`] : [];
  const by = counterOf.person ? `${counterOf.person} (${counterOf.by})` : counterOf.by;
  return [
    ['proposed by', [`${by}, who denied ${counterOf.approval} with it`]],
    ...(changes.length === 0 ? [] : [['changes', [...changes, ...more]] as const]),
  ];
}

/** The agents' own words, which nobody has verified. */
function reasonEntries({ statedReason = null, laterReasons = [] }: ListedApproval): DetailEntry[] {
  const lines = (reason: string): string[] => ['(unverified)', ...reason.split('\n')];
  return [
    ...(statedReason === null ? [] : [['agent says', lines(statedReason)] as const]),
    ...laterReasons.map((reason): DetailEntry => ['another says', lines(reason)]),
  ];
}

/** What an answer to a server's question is about, in the server's own words. */
function legEntries({ answersTo, asked }: ListedApproval): DetailEntry[] {
  if (answersTo === undefined || answersTo === null) return [];
  return [
    ['answers to', [answersTo]],
    ['server asked', [`${asked ?? ''} (its own words)`]],
  ];
}

function decisionLines({ decisions }: ListedApproval): string[] {
  if (decisions.length === 0) return ['none yet'];
  return decisions.map(({ approver, person, decision, reason, via, at, allows, allowance, counter }) => {
    const where = via === undefined ? '' : ` over ${via}${at === undefined ? '' : ` at ${at}`}`;
    const name = person ? `${person} (${approver})` : approver;
    const like = allows ? `, and the like ${allows.calls} times for ${allows.minutes} minutes` : '';
    const under = allowance ? `, by the allowance ${allowance}` : '';
    return `${name}: ${decision}${where}${like}${under}${counter ? `, with the counter-proposal ${counter}` : ''}${reason ? ` (${reason})` : ''}`;
  });
}

/** Whether this very call was asked for, or may have run, before. */
function earlierEntries({ previousUnknown }: ListedApproval, earlier: readonly EarlierRun[] | null): DetailEntry[] {
  const others = (earlier ?? []).map(({ id, state, at }) => printed`${id}: ${state} (${at})`);
  const may = previousUnknown ? [printed`it may have run already: the outcome of ${previousUnknown} is unknown`] : [];
  const lines = [...may, ...others];
  if (lines.length > 0) return [['same call', lines]];
  return earlier === null ? [] : [['same call', ['not asked for before']]];
}
