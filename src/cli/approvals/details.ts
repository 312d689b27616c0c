import { alsoSent } from '../../domain/call/also-sent.ts';
import { type CallWithMarks, type HiddenMarks, hiddenMarks, hiddenSentences } from '../../domain/call/hidden-marks.ts';
import { placesHiddenByName } from '../../domain/call/hidden-places.ts';
import { NOTHING_HIDDEN, NOTHING_MORE } from '../../domain/call/sent.ts';
import type { Json } from '../../domain/json/json.ts';
import { REDACTED } from '../../domain/json/redact.ts';
import { leftToRight } from '../../text/visible.ts';
import { printable, printableJson } from '../remote/printable.ts';
import { approvalLine, type ListedApproval } from './listed-approval.ts';

/** A hidden value on a line of its own. Inside a text, its quotes would be escaped. */
const HIDDEN_VALUE = /(^ *|: )"\[redacted\]"(,?)$/;
/** Columns of the names on the left. */
const WIDTH = 13;

/** One approval in full: everything that is forwarded of its call, why, and who decided. */
export function approvalDetails(approval: ListedApproval): string {
  const { sent = NOTHING_MORE, hidden = NOTHING_HIDDEN, statedReason = null, laterReasons = [] } = approval;
  const marks = hiddenMarks({ arguments: approval.arguments, sent, hidden });
  const { introduction, everything } = alsoSent(sent);
  const besides = [...everything()].map(
    ({ name, value }) => `${leftToRight(name)}: ${jsonLines(value, marks).join('\n')}`,
  );
  const decisions = approval.decisions.map(({ approver, decision, reason }) => {
    return `${approver}: ${decision}${reason ? ` (${reason})` : ''}`;
  });
  return [
    approvalLine(approval).trimEnd(),
    entry('fingerprint', [approval.fingerprint]),
    entry('arguments', jsonLines(approval.arguments, marks)),
    ...(besides.length === 0
      ? []
      : [
          entry(
            'also sent',
            besides.flatMap((text) => text.split('\n')),
          ),
        ]),
    ...hiddenLines({ arguments: approval.arguments, sent, hidden }, marks),
    ...(introduction.client === null ? [] : [entry('client', [`${printable(introduction.client)} (as it says)`])]),
    ...(introduction.capabilities?.length
      ? [entry('client can', [introduction.capabilities.map(printable).join(', ')])]
      : []),
    ...(statedReason === null ? [] : [entry('agent says', reasonLines(statedReason))]),
    ...laterReasons.map((reason) => entry('another says', reasonLines(reason))),
    ...legEntries(approval),
    ...(approval.answers ?? []).map(({ text, leg }) =>
      entry('answered', [`${printable(text)}${leg === null ? '' : ` (approved as ${leg})`}`]),
    ),
    entry('decisions', [printable(decisions.join('; ')) || 'none yet']),
    '',
  ].join('\n');
}

function entry(name: string, lines: readonly string[]): string {
  return `${name.padEnd(WIDTH)}${lines.join(`\n${' '.repeat(WIDTH)}`)}`;
}

/** JSON over several lines. A hidden value is the only one that stands without quotes. */
function jsonLines(value: Json, marks: HiddenMarks): string[] {
  const lines = printableJson(value, 2).split('\n');
  if (marks !== 'hidden') return lines;
  return lines.map((line) => line.replace(HIDDEN_VALUE, '$1[redacted]$2'));
}

function hiddenLines(call: CallWithMarks, marks: HiddenMarks): string[] {
  const places = placesHiddenByName(call).map((place) => `by its name: ${printable(leftToRight(place))}`);
  const sentences = [...hiddenSentences(call.hidden), ...places];
  const mixed =
    marks === 'unclear' ? [`the agent itself sent text that reads ${REDACTED}; which is which cannot be told`] : [];
  return sentences.length === 0 ? [] : [entry('hidden', [...sentences, ...mixed])];
}

/** The agent's own words, which nobody has verified. */
function reasonLines(reason: string): string[] {
  return ['(unverified)', ...reason.split('\n').map(printable)];
}

/** What an answer to a server's question is about, in the server's own words. */
function legEntries({ answersTo, asked }: ListedApproval): string[] {
  if (answersTo === undefined || answersTo === null) return [];
  return [entry('answers to', [answersTo]), entry('server asked', [`${printable(asked ?? '')} (its own words)`])];
}
