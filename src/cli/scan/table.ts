import { isToolName } from '../../domain/call/call.ts';
import { printable } from '../remote/printable.ts';
import type { ScanFinding, ScanFindings } from './findings.ts';

/** Characters of the last column. */
const WHY_WIDTH = 90;

/** What was found on one server, as a table for people. */
export function scanTable({ tools, gone }: ScanFindings): string {
  const rows = [...tools]
    .sort(byUrgency)
    .map((found) => [
      `${found.care ? '!' : ' '} ${nameOf(found.tool)}`,
      found.risk,
      found.severity,
      `${found.policy}${found.conditions && found.policy !== 'no policy' ? '*' : ''}`,
      whyOf(found),
    ]);
  const table = [['  TOOL', 'RISK', 'SEVERITY', 'POLICY', 'WHY'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [...lines, ...notes(tools, gone)].map((line) => `${line}\n`).join('');
}

/** The order of risks in the table, the highest first. */
const RANK = { read: 0, write: 1, financial: 2, execute: 3, destructive: 4 } as const;

/** Tools that need care come first. */
function byUrgency(a: ScanFinding, b: ScanFinding): number {
  return Number(b.care) - Number(a.care) || RANK[b.risk] - RANK[a.risk] || (a.tool < b.tool ? -1 : 1);
}

function whyOf(found: ScanFinding): string {
  const text = found.why.join('; ');
  const change =
    found.change === null ? '' : found.change === 'new' ? 'NEW; ' : `CHANGED: ${found.change.join(', ')}; `;
  return `${change}${text.length > WHY_WIDTH ? `${text.slice(0, WHY_WIDTH - 1)}…` : text}`;
}

/** What a reader must not miss in a long table. */
function notes(tools: readonly ScanFinding[], gone: readonly string[]): string[] {
  const unguarded = tools.filter((found) => found.care && found.policy === 'allow' && !found.conditions);
  const added = tools.filter((found) => found.change === 'new');
  const changed = tools.filter((found) => found.change !== null && found.change !== 'new');
  return [
    ...listed('allowed without asking, and need care', unguarded),
    ...listed('new, without a rule of their own', added),
    ...listed('changed since the policy was written', changed),
    ...(gone.length === 0 ? [] : [`  gone since the policy was written: ${gone.map(nameOf).join(', ')}`]),
  ];
}

function listed(what: string, found: readonly ScanFinding[]): string[] {
  return found.length === 0 ? [] : [`  ${what}: ${found.map(({ tool }) => nameOf(tool)).join(', ')}`];
}

/** A server may name its tools anything; the name must not control the terminal. */
function nameOf(tool: string): string {
  return isToolName(tool) ? tool : printable(JSON.stringify(tool)).slice(0, 60);
}
