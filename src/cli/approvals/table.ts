import type { Terminal } from '../../main/process/terminal.ts';
import { bounded } from '../../text/bounded.ts';
import { cut } from '../../text/cut.ts';
import {
  type Ink,
  inkedFor,
  joined,
  type Printable,
  type Printed,
  padded,
  printed,
  printedTool,
  widthOf,
} from '../../text/printed.ts';
import { visible } from '../../text/visible.ts';
import { ageText, leftText } from './age.ts';
import { cueText } from './cue-text.ts';
import type { ListedApproval } from './listed-approval.ts';

/** Characters of the arguments where there is no screen, and of one that they get a line of their own below. */
const MOST_ARGUMENTS = 200;
const LEAST_ARGUMENTS = 24;
/** Characters of a name. */
const LONGEST_NAME = 48;

const HEADER = ['ID', 'STATE', 'CALL', 'AGENT', 'AGE', 'LEFT'] as const;

/**
 * Approvals, a row each with their arguments beside them, or below where the screen is narrow; where it is narrower still,
 * one below the other. `now`: ms since the epoch.
 */
export function approvalsTable(
  rows: readonly ListedApproval[],
  now: number,
  terminal: Pick<Terminal, 'colour' | 'columns'>,
): Printed {
  const cells = rows.map((row): Printable[] => [
    row.id,
    inkedFor(terminal, inkOf(row.state), row.state),
    callOf(row),
    bounded(String(row.grant), LONGEST_NAME),
    ageText(row.createdAt, now),
    leftOf(row, now),
  ]);
  const widths = HEADER.map((name, column) => Math.max(name.length, ...cells.map((row) => widthOf(row[column]!))));
  const line = (row: readonly Printable[]): Printed =>
    joined(
      row.map((cell, column) => padded(cell, widths[column]!)),
      '  ',
    );
  const { columns = Number.POSITIVE_INFINITY } = terminal;
  const taken = widths.reduce((sum, width) => sum + width + 2, 0);
  const args = (row: ListedApproval, room: number): Printed =>
    inkedFor(terminal, 'dim', argumentsText(row, Math.min(room, MOST_ARGUMENTS)));
  if (taken - 2 > columns)
    return joined(
      rows.map((row) => stacked(row, now, terminal, args(row, columns - 2))),
      '',
    );
  const beside = columns - taken >= LEAST_ARGUMENTS;
  const header = inkedFor(terminal, 'bold', beside ? printed`${line(HEADER)}  ARGUMENTS` : line(HEADER));
  const lines = rows.map((row, index) =>
    beside
      ? printed`${line(cells[index]!)}  ${args(row, columns - taken)}\n`
      : printed`${line(cells[index]!)}\n  ${args(row, columns - 2)}\n`,
  );
  return printed`${header}\n${joined(lines, '')}`;
}

/** One approval over three lines. */
function stacked(row: ListedApproval, now: number, terminal: Pick<Terminal, 'colour'>, args: Printed): Printed {
  const left = leftOf(row, now);
  const when = `${ageText(row.createdAt, now)} old${left === '' ? '' : `, ${left} left`}`;
  const head = printed`${row.id}  ${inkedFor(terminal, inkOf(row.state), row.state)}  ${when}\n`;
  return printed`${head}  ${callOf(row)} for ${bounded(String(row.grant), LONGEST_NAME)}\n  ${args}\n`;
}

/** What makes it look different stands before its name. */
function callOf({ server, tool, cues = [] }: ListedApproval): Printed {
  const marks = cues.length === 0 ? '' : `[${bounded(cues.map((cue) => cueText(cue)).join(', '), LONGEST_NAME)}] `;
  return printed`${marks}${bounded(String(server), LONGEST_NAME)}.${printedTool(bounded(String(tool), LONGEST_NAME))}`;
}

function leftOf({ state, expiresAt, pickupUntil }: ListedApproval, now: number): string {
  if (state === 'pending') return leftText(expiresAt, now);
  return state === 'approved' ? leftText(pickupUntil, now) : '';
}

/** JSON on one line, as it is shown, at most so many characters long. */
function argumentsText({ arguments: args }: ListedApproval, room: number): string {
  const text = visible(JSON.stringify(args ?? null));
  return cut(text, Math.max(1, room));
}

function inkOf(state: string): Ink {
  if (state === 'pending') return 'yellow';
  if (['approved', 'dispatched', 'succeeded'].includes(state)) return 'green';
  return state === 'unknown' || state === 'failed' ? 'red' : 'dim';
}
