import type { OverseenLine, OversightReport } from '../../domain/log/oversight.ts';

const COLUMNS = [
  ...['kind', 'name', 'asked', 'decided', 'approved', 'denied', 'reversed', 'approved_share', 'within_3_s_share'],
  ...['full_view_share', 'mean_seconds', 'half_within_seconds', 'candidate'],
];

/** The report as CSV (RFC 4180). */
export function oversightCsv({ people, groups, tools }: OversightReport): string {
  const line = (kind: string, one: OverseenLine, candidate: string | null): string =>
    [
      ...[kind, one.name, one.asked, one.decided, one.approved, one.denied, one.reversed, one.approvedShare],
      ...[one.fastShare, one.fullShare, one.meanSeconds, one.halfWithinSeconds, candidate],
    ]
      .map(csvCell)
      .join(',');
  const lines = [
    COLUMNS.map(csvCell).join(','),
    ...people.map((one) => line('person', one, null)),
    ...groups.map((one) => line('group', one, null)),
    ...tools.map((one) => line('tool', one, one.candidate)),
  ];
  return `${lines.join('\r\n')}\r\n`;
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
