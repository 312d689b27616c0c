import type { ChainReport } from '../../domain/log/chain.ts';
import type { ChainFault } from '../../domain/log/evidence.ts';

/** What verification found, as text for a person. The first line is the answer. */
export function reportText(report: ChainReport, problems: readonly string[], cards = 0): string {
  const faults = [...problems, ...report.faults.map(chainFaultText)];
  const lines = faults.length > 0 ? [`DOES NOT FIT: ${faults[0]}`] : [fitText(report)];
  for (const also of faults.slice(1, MAX_SHOWN)) lines.push(`also: ${also}`);
  if (faults.length > MAX_SHOWN) lines.push(`and ${faults.length - MAX_SHOWN} more`);
  const { events, checkpoints, unsealed, head, covered } = report;
  lines.push(`${events} events, ${checkpoints} checkpoints, ${unsealed} not sealed yet`);
  if (cards > 0) lines.push(`${cards} cards are what was logged`);
  if (faults.length === 0 && covered < head) lines.push(`${head - covered} since the last checkpoint`);
  return `${lines.join('\n')}\n`;
}

/** Faults that are printed one by one. */
const MAX_SHOWN = 10;

function fitText({ head, covered, coveredAt }: ChainReport): string {
  if (head === 0) return 'EMPTY: there is no sealed event';
  if (covered === 0) return `NOBODY VOUCHES: events 1 to ${head} fit each other, but no checkpoint is signed over them`;
  return `FITS: events 1 to ${covered} are what the gateway signed at ${coveredAt}`;
}

function chainFaultText(fault: ChainFault): string {
  const { seq } = fault;
  switch (fault.kind) {
    case 'changed':
      return `event ${seq} does not follow from event ${seq - 1}: it was changed, or that one was, with its hash`;
    case 'removed':
      return fault.until === seq ? `event ${seq} was removed` : `events ${seq} to ${fault.until} were removed`;
    case 'reordered':
      return `events ${seq} and ${seq + 1} were swapped`;
    case 'inserted':
      return `event ${seq} was inserted`;
    case 'mislabelled':
      return `event ${seq} is filed under another type, time, actor, server, tool or grant than its text says`;
    case 'rewritten':
      return `an event after ${fault.after} and up to ${seq} was changed and the hashes made again: it is not what was signed`;
    case 'truncated':
      return `the log ends before event ${seq}; a checkpoint vouches for events up to ${fault.until}`;
    case 'foreign_key':
      return `the checkpoint of event ${seq} was signed with a foreign key (${fault.key})`;
    case 'bad_signature':
      return `the signature on the checkpoint of event ${seq} does not match its text`;
    case 'checkpoint_swapped':
      return `the checkpoint of event ${seq} is not in its place`;
    case 'checkpoint_removed':
      return `a checkpoint was removed: the log or the checkpoint of event ${seq} names it`;
    default:
      return fault satisfies never;
  }
}
