import type { ChainReport } from '../../domain/log/chain.ts';
import type { Checkpoint } from '../../domain/log/checkpoint.ts';
import type { ChainFault } from '../../domain/log/evidence.ts';
import type { SignatureReport } from '../../domain/log/signature-check.ts';
import type { StaleLog } from '../../domain/log/staleness.ts';
import type { EvidenceFinding } from '../../gateway/log/verify.ts';
import { cut } from '../../text/cut.ts';
import { counted } from '../../text/plural.ts';
import { joined, type Printed, printed } from '../../text/printed.ts';

/** What verification found besides the chain itself. */
export interface VerifyFindings {
  /** What is wrong with the export as a file, in words. */
  readonly problems: readonly string[];
  /** Segments that were read; absent: none were given. */
  readonly segments?: number;
  /** As in `EvidenceFinding`. */
  readonly compared?: number;
  readonly unmatched?: number;
  readonly deleted?: EvidenceFinding['deleted'];
  /** Cards that are what was logged. */
  readonly cards: number;
  /** How much of what can be erased is what was logged; absent: none is there. */
  readonly disclosed?: number;
  /** What passkeys signed. */
  readonly signatures: SignatureReport;
  /** The newest checkpoint is too old; null: it is not, or nobody asked. */
  readonly stale: StaleLog | null;
  /** The newest checkpoint of the witness, if the log ends before it; null: it does not, or there is no witness. */
  readonly wentBack: Checkpoint | null;
}

/** What verification found, as text for a person. The first line is the answer. */
export function reportText(report: ChainReport, findings: VerifyFindings): Printed {
  const { problems, cards, disclosed = 0, signatures, stale, wentBack } = findings;
  const faults = [
    ...(wentBack === null ? [] : [wentBackText(wentBack, report.head)]),
    ...problems.map((problem) => printed`${problem}`),
    ...report.faults.map(chainFaultText),
    ...signatures.faults.map(signatureFaultText),
  ];
  const lines = faults.length > 0 ? [printed`DOES NOT FIT: ${faults[0]!}`] : [fitText(report, stale)];
  for (const also of faults.slice(1, MAX_SHOWN)) lines.push(printed`also: ${also}`);
  if (faults.length > MAX_SHOWN) lines.push(printed`and ${faults.length - MAX_SHOWN} more`);
  const { events, checkpoints, unsealed, head, covered } = report;
  if (stale !== null) lines.push(...staleLines(stale));
  lines.push(printed`${events} events, ${checkpoints} checkpoints, ${unsealed} not sealed yet`);
  lines.push(...cutLines(report, findings));
  if (report.log !== null) lines.push(printed`the log's id is ${cut(report.log, LONGEST_KEY)}`);
  lines.push(...signatureLines(signatures));
  if (cards > 0) lines.push(printed`${counted(cards, 'card')} ${cards === 1 ? 'is' : 'are'} what was logged`);
  if (disclosed > 0) lines.push(printed`what can be erased of ${disclosed} events is what was logged`);
  if (faults.length === 0 && covered < head) lines.push(printed`${head - covered} since the last checkpoint`);
  return printed`${joined(lines, '\n')}\n`;
}

/** What was read of the beginning, and where the rest is. */
function cutLines(
  { since, cuts, faults }: ChainReport,
  { segments, compared = 0, unmatched = 0, deleted = [] }: VerifyFindings,
): Printed[] {
  const lines: Printed[] = [];
  if (segments !== undefined) lines.push(printed`${segments} segments were read`);
  if (compared > 0)
    lines.push(printed`${counted(compared, 'event')} that stayed or were not cut yet are the same there`);
  if (unmatched > 0)
    lines.push(printed`${counted(unmatched, 'event')} could not be compared: no segment has what was around them`);
  for (const { from, to, seq } of deleted.slice(0, MAX_SHOWN)) {
    lines.push(
      printed`events ${from} to ${to} are gone: the gateway deleted them, as audit.archive: none says, and event ${seq} names them, signed`,
    );
  }
  if (since === 0 || segments !== undefined) return lines;
  const named = cuts.find(({ to }) => to === since);
  if (named === undefined || faults.length > 0) return lines;
  const event = printed`events 1 to ${since} were cut by the gateway, as event ${named.seq} says`;
  if (named.head === null) return [...lines, printed`${event}; the last of them were not kept`];
  return [
    ...lines,
    printed`${event}; they are in segments up to ${named.segment}: verify them too with --segments DIR`,
  ];
}

function signatureFaultText({ seq, why }: SignatureReport['faults'][number]): Printed {
  return printed`${seq === null ? 'an event that is not sealed yet' : `event ${seq}`} ${cut(why, LONGEST_WORDS)}`;
}

/** Nothing where nobody signs. */
function signatureLines({ verified, registered, breakGlass, unread = 0 }: SignatureReport): Printed[] {
  if (unread > 0) {
    const rest = signatureLines({ verified, registered, breakGlass, faults: [] });
    const words = printed`${unread} approvals are signed by passkeys that were registered before the cut: --segments DIR checks them`;
    return [...rest, words];
  }
  if (verified + registered === 0) return [];
  const so = breakGlass === 0 ? '' : `, ${breakGlass} of them by the admin token (break-glass)`;
  return [printed`${verified} approvals are signed by passkeys; ${registered} passkeys were registered${so}`];
}

/** Characters of a fault that quotes the evidence. */
const LONGEST_WORDS = 300;
/** Faults that are printed one by one. */
const MAX_SHOWN = 10;
/** Characters of a key that the evidence names; a real one has 64. */
const LONGEST_KEY = 80;

function fitText({ head, covered, coveredAt, since }: ChainReport, stale: StaleLog | null): Printed {
  if (head === since) return printed`EMPTY: there is no sealed event`;
  if (covered === 0) {
    return printed`NOT SIGNED: events ${since + 1} to ${head} fit each other, but no checkpoint covers them`;
  }
  const what = printed`events ${since + 1} to ${covered} are what the gateway signed at ${String(coveredAt)}`;
  return stale === null ? printed`FITS: ${what}` : printed`TOO OLD: ${what}, and nothing newer is signed`;
}

function staleLines({ ageMs, maxAgeMs, signedAt, asOf }: StaleLog): Printed[] {
  return [
    printed`the newest checkpoint (${signedAt}) was ${minutes(ageMs)} old at ${asOf}; --max-age allows ${minutes(maxAgeMs)}`,
    printed`either no gateway was running, or the newest part of the log was removed; for a log that has ended: --max-age off`,
  ];
}

/** `2 h 5 min` */
function minutes(ms: number): string {
  const whole = Math.floor(ms / 60_000);
  if (whole === 0) return `${Math.ceil(ms / 1_000)} s`;
  const [hours, rest] = [Math.floor(whole / 60), whole % 60];
  return [...(hours > 0 ? [`${hours} h`] : []), ...(rest > 0 ? [`${rest} min`] : [])].join(' ');
}

function wentBackText({ seq, at }: Checkpoint, head: number): Printed {
  return printed`the log went back, or was cut: it ends at event ${head}, and the witness knows that events up to ${seq} were signed at ${at}`;
}

export function chainFaultText(fault: ChainFault): Printed {
  const { seq } = fault;
  switch (fault.kind) {
    case 'changed':
      return printed`event ${seq} does not follow from event ${seq - 1}: it was changed, or that one was, with its hash`;
    case 'removed':
      return fault.until === seq
        ? printed`event ${seq} was removed`
        : printed`events ${seq} to ${fault.until} were removed`;
    case 'reordered':
      return printed`events ${seq} and ${seq + 1} were swapped`;
    case 'inserted':
      return printed`event ${seq} was inserted`;
    case 'mislabelled':
      return printed`event ${seq} is filed under another type, time, actor, server, tool or grant than its text says`;
    case 'rewritten':
      return printed`an event after ${fault.after} and up to ${seq} was changed and the hashes were recomputed: it is not what was signed`;
    case 'truncated':
      return printed`the log ends before event ${seq}; a checkpoint covers events up to ${fault.until}`;
    case 'cut_unsigned':
      return printed`the log begins after event ${seq}, and nothing that is signed in it says that it was cut there`;
    case 'foreign_key':
      return printed`the checkpoint of event ${seq} was signed with a foreign key (${cut(fault.key, LONGEST_KEY)})`;
    case 'retired_key':
      return printed`event ${seq} is signed or covered by a key that was replaced at event ${fault.until} and is not valid since (${cut(fault.key, LONGEST_KEY)})`;
    case 'key_unsworn':
      return printed`at event ${seq} the key was changed without a signature of the old key; if that is right, give the new key with --key (${cut(fault.key, LONGEST_KEY)})`;
    case 'other_log':
      return otherLogText(fault);
    case 'bad_signature':
      return printed`the signature on the checkpoint of event ${seq} does not match its text`;
    case 'checkpoint_swapped':
      return printed`the checkpoint of event ${seq} is not in its place`;
    case 'wrong_root':
      return printed`the checkpoint of event ${seq} does not have the Merkle root of the events after ${fault.since}`;
    case 'checkpoint_removed':
      return printed`a checkpoint was removed: the log or the checkpoint of event ${seq} names it`;
    default:
      return fault satisfies never;
  }
}

function otherLogText({ seq, log, expected }: Extract<ChainFault, { kind: 'other_log' }>): Printed {
  const [found, wanted] = [log ?? '', expected ?? ''].map((id) => cut(id, LONGEST_KEY));
  if (log !== null) return printed`event ${seq} belongs to another log (${found!}, not ${wanted!})`;
  return printed`event ${seq} does not say that it belongs to the log ${wanted!}`;
}
