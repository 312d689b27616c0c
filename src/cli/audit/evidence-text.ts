import { erasureWords } from '../../domain/call/erasure.ts';
import type { Json } from '../../domain/json/json.ts';
import type { EvidenceFault, EvidenceReport } from '../../domain/log/evidence-report.ts';
import { cut } from '../../text/cut.ts';
import { counted } from '../../text/plural.ts';
import { joined, type Printed, printed, printedTool } from '../../text/printed.ts';
import { visible } from '../../text/visible.ts';
import { eventLine } from './event-line.ts';
import { chainFaultText } from './report.ts';

/** Faults that are printed one by one, and characters of what others wrote in one of them. */
const MAX_SHOWN = 10;
const LONGEST = 100;
/** Characters of the call's arguments; all of them are in the file. */
const LONGEST_ARGUMENTS = 1_000;
const LONGEST_WORDS = 800;

/** What the evidence proves, as text for a person. The first line is the answer. */
export function evidenceReportText(report: EvidenceReport): Printed {
  const { faults, steps, covered, cards, signatures, policy, complete } = report;
  const lines = faults.length > 0 ? [printed`DOES NOT FIT: ${faultText(faults[0]!)}`] : [answer(report)];
  for (const fault of faults.slice(1, MAX_SHOWN)) lines.push(printed`also: ${faultText(fault)}`);
  if (faults.length > MAX_SHOWN) lines.push(printed`and ${faults.length - MAX_SHOWN} more`);
  if (steps.length > 0) lines.push(printed``, ...callLines(steps), ...steps.map(stepText), printed``);
  if (report.erased !== undefined)
    lines.push(printed`what was said of the call was ${cut(erasureWords(report.erased), LONGEST_WORDS)}`);
  if (report.log !== null) lines.push(printed`the log’s id is ${cut(report.log, LONGEST)}`);
  if (report.at !== null) lines.push(printed`taken at ${report.at}, signed by ${cut(report.key ?? '', LONGEST)}`);
  if (faults.length === 0) {
    lines.push(printed`${covered} of ${steps.length} events are under a signed checkpoint`);
    if (covered < steps.length) lines.push(printed`take the evidence again in a minute, when the rest is signed`);
    if (!complete)
      lines.push(
        printed`something is not in the file: a card, the policy’s text, or more than fits; holdfast audit export --cards has all that is kept`,
      );
    if (report.unproven > 0)
      lines.push(printed`${report.unproven} events about passkeys are not under a signed checkpoint`);
    if (cards > 0) lines.push(printed`${counted(cards, 'card')} ${cards === 1 ? 'is' : 'are'} what was logged`);
    if (signatures > 0)
      lines.push(printed`${signatures} votes are signed by passkeys whose registration is in the log`);
    lines.push(
      policy === null ? printed`the policy’s text was not kept` : printed`the policy’s text is what was logged`,
    );
  }
  return printed`${joined(lines, '\n')}\n`;
}

function answer({ approval, covered, coveredAt, steps }: EvidenceReport): Printed {
  if (covered === 0) return printed`NOT SIGNED: the events of ${approval ?? ''} fit, but no checkpoint covers them yet`;
  const what = printed`what is told of ${approval ?? ''} is in the log that the gateway signed at ${String(coveredAt)}`;
  return covered === steps.length ? printed`FITS: ${what}` : printed`IN PART: ${what}, but for its newest events`;
}

/** Which call it is about, as the request has it: what people were shown, hidden values as they were shown. */
function callLines(steps: EvidenceReport['steps']): Printed[] {
  const asked = steps.find(({ type }) => type === 'approval.requested');
  if (asked?.tool === undefined) return [];
  const { fingerprint } = asked.data;
  return [
    printed`the call is ${cut(asked.server ?? '?', LONGEST)}.${printedTool(cut(asked.tool, LONGEST))} by ${cut(asked.actor, LONGEST)}`,
    argumentsLine(asked.data.arguments),
    ...(typeof fingerprint === 'string' ? [printed`  fingerprint ${cut(fingerprint, LONGEST)}`] : []),
    printed``,
  ];
}

/** What was erased is told below; nothing stands for it here. */
function argumentsLine(args: Json | undefined): Printed {
  if (args === undefined) return printed`  with arguments that are not in this file`;
  return printed`  with ${cut(visible(JSON.stringify(args)), LONGEST_ARGUMENTS)}`;
}

function stepText({ seq, type, at, actor, data }: EvidenceReport['steps'][number]): Printed {
  const line = eventLine({ type, at, actor, data }, false).toString().trimEnd();
  return printed`${seq === null ? 'no place' : `#${seq}`}  ${line}`;
}

function faultText(fault: EvidenceFault): Printed {
  switch (fault.kind) {
    case 'not_evidence':
      return printed`this is not the evidence of a decision (holdfast audit evidence ID > FILE writes one)`;
    case 'bad_signature':
      return printed`the signature over the file does not fit: something in it was changed`;
    case 'foreign_signer':
      return printed`the file is signed by a key that you have not given and that the log did not come to (${cut(fault.key, LONGEST)})`;
    case 'unused_key':
      return printed`the key ${cut(fault.key, LONGEST)} neither signed this log nor came into force in it; if that is expected, leave it out`;
    case 'other_event':
      return printed`${event(fault.seq)} is not about this approval`;
    case 'changed_event':
      return printed`${event(fault.seq)} is not what its hash was made over, or not in its place`;
    case 'not_included':
      return printed`${event(fault.seq)} is not in the log that the checkpoint signed`;
    case 'bad_checkpoint':
      return printed`the signature on the checkpoint of ${event(fault.seq)} does not match its text, or there are two`;
    case 'chain':
      return chainFaultText(fault.fault);
    case 'other_card':
      return printed`the card ${cut(fault.digest, LONGEST)} is not one that was logged`;
    case 'other_policy':
      return printed`the policy ${cut(fault.digest, LONGEST)} is not the one that asked`;
    case 'undisclosed':
      return printed`${event(fault.seq)}: what was said of the call is missing, and no event says that it was erased`;
    case 'other_disclosed':
      return printed`something is disclosed that none of its events encloses`;
    case 'signature':
    case 'story':
      return printed`${event(fault.seq)}: ${fault.why}`;
    default:
      return fault satisfies never;
  }
}

function event(seq: number | null): string {
  return seq === null ? 'an event without a place' : `event ${seq}`;
}
