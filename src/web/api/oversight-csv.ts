import type { OverseenLine, OversightReport } from '../../domain/log/oversight.ts';

const COLUMNS = [
  ...['kind', 'name', 'asked', 'decided', 'approved', 'denied', 'reversed', 'approved_share', 'within_3_s_share'],
  ...['full_view_share', 'mean_seconds', 'half_within_seconds', 'candidate'],
];

/** The report as CSV (RFC 4180). What is wrong with its numbers stands first, in lines of the kind `note`. */
export function oversightCsv({ people, groups, tools, doubtful, cut }: OversightReport): string {
  const line = (kind: string, one: OverseenLine, candidate: string | null): string =>
    [
      ...[kind, one.name, one.asked, one.decided, one.approved, one.denied, one.reversed, one.approvedShare],
      ...[one.fastShare, one.fullShare, one.meanSeconds, one.halfWithinSeconds, candidate],
    ]
      .map(csvCell)
      .join(',');
  const lines = [
    COLUMNS.map(csvCell).join(','),
    ...(doubtful
      ? [note('some sums are not as a gateway wrote them and are left out: these numbers are too low')]
      : []),
    ...(cut ? [note('there is more in these days than is read at once: these numbers are too low')] : []),
    ...people.map((one) => line('person', one, null)),
    ...groups.map((one) => line('group', one, null)),
    ...tools.map((one) => line('tool', one, one.candidate)),
  ];
  return `${lines.join('\r\n')}\r\n`;
}

function note(words: string): string {
  return COLUMNS.map((_, n) => csvCell(['note', words][n] ?? null)).join(',');
}

/**
 * A cell in quotes. A text that a spreadsheet would take for a formula begins with an apostrophe: those that begin with
 * = + - @, a tab, a line break or their full-width forms, also behind blanks, which some programs leave out.
 */
export function csvCell(value: string | number | null): string {
  if (value === null) return '""';
  if (typeof value === 'number') return `"${String(value)}"`;
  const isFormula = /^[\s\p{C}]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]/u.test(value);
  return `"${`${isFormula ? "'" : ''}${value}`.replaceAll('"', '""')}"`;
}
