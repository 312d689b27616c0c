import { isToolName } from '../../domain/call/call.ts';
import { bounded } from '../../text/bounded.ts';
import { joined, type Printable, type Printed, padded, printed, printedTool, widthOf } from '../../text/printed.ts';
import type { ScanFinding, ScanFindings } from './findings.ts';

/** Characters of the last column. */
const WHY_WIDTH = 90;
/** Characters that are shown of a name that is not valid. */
const LONGEST_NAME = 60;

/** What was found on one server, as a table for people. */
export function scanTable({ tools, gone }: ScanFindings): Printed {
  const rows = [...tools]
    .sort(byUrgency)
    .map((found): Printable[] => [
      printed`${needsCare(found) ? '!' : ' '} ${nameOf(found.tool)}`,
      found.risk,
      found.severity,
      `${found.policy}${found.conditions && found.policy !== 'no policy' ? '*' : ''}${found.watched ? ', watched' : ''}`,
      whyOf(found),
    ]);
  const table: Printable[][] = [['  TOOL', 'RISK', 'SEVERITY', 'POLICY', 'WHY'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => widthOf(row[column]!))));
  const lines = table.map((row) =>
    joined(
      row.map((cell, column) => padded(cell, widths[column] ?? 0)),
      '  ',
    ),
  );
  return joined(
    [...lines, ...notes(tools, gone)].map((line) => printed`${line}\n`),
    '',
  );
}

/** The order of risks in the table, the highest first. */
const RANK = { read: 0, write: 1, financial: 2, execute: 3, destructive: 4 } as const;

/** Tools that need care come first. */
function byUrgency(a: ScanFinding, b: ScanFinding): number {
  return Number(needsCare(b)) - Number(needsCare(a)) || RANK[b.risk] - RANK[a.risk] || (a.tool < b.tool ? -1 : 1);
}

/** It looks dangerous, or its own server calls it destructive. */
function needsCare({ care, saysItDestroys }: ScanFinding): boolean {
  return care || saysItDestroys;
}

function whyOf(found: ScanFinding): string {
  const text = found.why.join('; ');
  const change =
    found.change === null ? '' : found.change === 'new' ? 'NEW; ' : `CHANGED: ${found.change.join(', ')}; `;
  return `${change}${text.length > WHY_WIDTH ? `${text.slice(0, WHY_WIDTH - 1)}…` : text}`;
}

/** What a reader must not miss in a long table. */
function notes(tools: readonly ScanFinding[], gone: readonly string[]): Printed[] {
  const unguarded = tools.filter((found) => needsCare(found) && found.policy === 'allow' && !found.conditions);
  const added = tools.filter((found) => found.change === 'new');
  const changed = tools.filter((found) => found.change !== null && found.change !== 'new');
  return [
    ...listed('allowed without asking, although they need care', toolsOf(unguarded)),
    ...listed('only watched, so that nothing is asked or denied', toolsOf(tools.filter(({ watched }) => watched))),
    ...listed('new, without a rule of their own', toolsOf(added)),
    ...listed('changed since the policy was written', toolsOf(changed)),
    ...listed('gone since the policy was written', gone),
  ];
}

function toolsOf(found: readonly ScanFinding[]): string[] {
  return found.map(({ tool }) => tool);
}

function listed(what: string, tools: readonly string[]): Printed[] {
  return tools.length === 0 ? [] : [printed`  ${what}: ${joined(tools.map(nameOf), ', ')}`];
}

/** A server may name its tools anything: what is no valid name stands in quotes, and is cut. */
function nameOf(tool: string): Printed {
  return isToolName(tool) ? printed`${tool}` : printedTool(bounded(JSON.stringify(tool), LONGEST_NAME));
}
