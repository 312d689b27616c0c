import { isObject } from '../domain/json/json.ts';
import type { OverseenLine, OverseenTool, OversightReport } from '../domain/log/oversight.ts';
import type { Terminal } from '../main/process/terminal.ts';
import { bounded } from '../text/bounded.ts';
import { joined, ownLines, type Printed, padded, printed, printedJson } from '../text/printed.ts';
import { askApi, refusedBy } from './approvals/reply.ts';
import { Misuse } from './parse/misuse.ts';
import { type GatewayAddress, RunningGateway } from './remote/running-gateway.ts';

interface OversightOptions extends GatewayAddress {
  readonly quarter?: string;
  readonly from?: string;
  readonly to?: string;
  /** `csv` or `html`; absent: for people to read, or JSON. */
  readonly as?: string;
  readonly json: boolean;
}

const LONGEST = 40;
const HEADS = ['', 'ASKED', 'DECIDED', 'APPROVED', 'DENIED', 'REVERSED', 'IN 3 S', 'FULL VIEW', 'MEAN'];

/** `oversight`: who decided what, how fast, and which tools are always approved or often denied. */
export async function oversightCommand(options: OversightOptions, terminal: Terminal): Promise<number> {
  const { as, json } = options;
  if (as !== undefined && json) throw new Misuse('takes --as or --json');
  const gateway = await RunningGateway.at(options, terminal);
  const query = new URLSearchParams();
  for (const name of ['quarter', 'from', 'to'] as const)
    if (options[name] !== undefined) query.set(name, options[name]);
  if (as !== undefined) return file(gateway, `/api/oversight/report.${as}?${query}`, terminal);
  const reply = await askApi(gateway, `/api/oversight?${query}`);
  if (!reply.ok) return refusedBy(reply, terminal);
  const report = reply.body as unknown as OversightReport;
  if (!Array.isArray(report.people) || !report.people.every(isObject))
    return refusedBy({ ...reply, body: { reason: 'The answer is no report. Is --url right?' } }, terminal);
  terminal.out(json ? printed`${printedJson(report)}\n` : page(report));
  return 0;
}

async function file(gateway: RunningGateway, path: string, terminal: Terminal): Promise<number> {
  const response = await gateway.request(path);
  const text = await response.text();
  if (response.ok) {
    terminal.out(ownLines(text));
    return 0;
  }
  terminal.err(printed`${text.slice(0, 300)} (HTTP ${response.status})\n`);
  return response.status === 400 ? 2 : 1;
}

function page({ from, to, people, groups, tools, doubtful, cut }: OversightReport): Printed {
  return printed`${from} to ${to} (UTC)
${doubtful ? 'Some sums are not as a gateway wrote them and are left out: these numbers are too low.\n' : ''}${cut ? 'There is more in these days than is read at once. Ask for fewer days.\n' : ''}
${table('APPROVER', people)}
${table('GROUP', groups)}
${table('TOOL', tools)}`;
}

function table(what: string, lines: readonly (OverseenLine & Partial<Pick<OverseenTool, 'candidate'>>)[]): Printed {
  if (lines.length === 0) return printed`${what}: nothing in these days\n`;
  const rows = [
    [what, ...HEADS.slice(1)],
    ...lines.map((line) => [
      bounded(String(line.name), LONGEST),
      ...[line.asked, line.decided, percent(line.approvedShare), line.denied, line.reversed].map(String),
      ...[percent(line.fastShare), percent(line.fullShare), line.meanSeconds === null ? '-' : `${line.meanSeconds} s`],
      ...(line.candidate ? [line.candidate === 'rule' ? 'always approved' : 'often denied'] : []),
    ]),
  ];
  const widths = HEADS.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return joined(
    rows.map(
      (row) =>
        printed`${joined(
          row.map((cell, column) => padded(cell, widths[column] ?? 0)),
          '  ',
        )}\n`,
    ),
    '',
  );
}

function percent(share: number | null): string {
  return share === null ? '-' : `${Math.round(share * 1000) / 10}%`;
}
