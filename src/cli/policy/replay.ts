import { formatOf } from '../../config/document/document.ts';
import type { Fault } from '../../config/document/fault.ts';
import { readTextFile } from '../../config/load.ts';
import { isObject } from '../../domain/json/json.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { plural } from '../../text/plural.ts';
import { joined, type Printed, printed, printedJson, printedTool } from '../../text/printed.ts';
import { type ApiReply, askApi, refusedBy } from '../approvals/reply.ts';
import { Misuse } from '../parse/misuse.ts';
import { instantIn } from '../remote/instant.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';
import { Workbench } from './workbench.ts';

interface PolicyReplayOptions extends GatewayAddress {
  readonly since: string;
  readonly policy?: string;
  readonly server?: string;
  readonly json: boolean;
}

const NO_REPLAY = { reason: 'The answer is no replay. Is --url right?' };
const CHANGED = 1;
const ERROR = 2;

/** `policy replay`: 0 when no verdict changes, 1 when some would, 2 when it could not be told. */
export async function policyReplayCommand(options: PolicyReplayOptions, terminal: Terminal): Promise<number> {
  try {
    return await replay(options, terminal);
  } catch (error) {
    if (error instanceof Misuse) throw error;
    terminal.err(printed`${error instanceof Error ? error.message : String(error)}\n`);
    return ERROR;
  }
}

async function replay(options: PolicyReplayOptions, terminal: Terminal): Promise<number> {
  const since = instantIn('since', options.since, Date.now());
  const { policy: file, server } = options;
  const policy = file === undefined ? null : await textIn(file, terminal);
  if (file !== undefined && policy === null) return ERROR;
  const gateway = await RunningGateway.at(options, terminal);
  const asked = { since, server: server ?? null, ...(file === undefined ? {} : { policy, format: formatOf(file) }) };
  const reply = await askApi(gateway, '/api/policy/replay', asked);
  const { body } = reply;
  if (!reply.ok) return refused(reply, file, terminal);
  if (typeof body.changed !== 'number' || !Array.isArray(body.changes)) {
    refusedBy({ ...reply, body: NO_REPLAY }, terminal);
    return ERROR;
  }
  if (options.json) terminal.out(printed`${printedJson(body)}\n`);
  else terminal.out(page(body));
  return body.changed > 0 ? CHANGED : 0;
}

async function textIn(file: string, terminal: Terminal): Promise<string | null> {
  const workbench = new Workbench(terminal, undefined);
  const faults: Fault[] = [];
  const text = await readTextFile(file, workbench.read, faults);
  workbench.printFaults(faults);
  return text;
}

function refused(reply: ApiReply, file: string | undefined, terminal: Terminal): number {
  const { faults } = reply.body;
  if (!Array.isArray(faults) || file === undefined) refusedBy(reply, terminal);
  else {
    for (const fault of faults.filter(isObject)) {
      const { line, column, path, message, expected } = fault;
      terminal.err(printed`${file}:${String(line)}:${String(column)}: ${String(path)} ${String(message)}\n`);
      if (typeof expected === 'string') terminal.err(printed`  expected ${expected}\n`);
    }
  }
  return ERROR;
}

type Body = ApiReply['body'];
type Item = Readonly<Record<string, unknown>>;

const NOW: Readonly<Record<string, string>> = {
  allow: 'allowed',
  ask: 'asked about',
  deny: 'denied',
  limited: 'over a limit',
};
const BECAUSE: Readonly<Record<string, string>> = {
  arguments: 'their arguments are not kept (audit.samples)',
  hidden: 'a condition reads what is redacted',
  earlier: 'a condition asks what was called before',
};

function page(body: Body): Printed {
  const number = (name: string): number => Number(body[name]) || 0;
  const calls = number('calls');
  const lines: Printed[] = [
    printed`${calls} ${plural(calls, 'call')} from ${String(body.from)} to ${String(body.until)}: ${number('same')} as before, ${number('changed')} would change, ${number('unknown')} nobody can tell`,
  ];
  for (const change of itemsOf(body.changes)) lines.push(...changeLines(change));
  if (number('unlisted') > 0) lines.push(printed`  and ${number('unlisted')} more that would change`);
  for (const one of itemsOf(body.unknowns)) {
    lines.push(
      printed`  ? ${String(one.count)} of ${nameOf(one)}: ${BECAUSE[String(one.because)] ?? String(one.because)}`,
    );
  }
  for (const limit of itemsOf(body.limits)) {
    lines.push(
      printed`  limit ${String(limit.counter)} of ${String(limit.server)}: at least ${String(limit.most)} of ${String(limit.max)} in its fullest window, ${String(limit.refused)} refused`,
    );
  }
  if (body.cutShort === true) lines.push(printed`Only the newest events were read, from ${String(body.from)} on.`);
  if (number('doubted') > 0) {
    lines.push(printed`${number('doubted')} events or samples are not as a gateway wrote them, and were left out.`);
  }
  return printed`${joined(lines, '\n')}\n`;
}

function changeLines(change: Item): Printed[] {
  const { count, agent, from, to, where, rule } = change;
  const shown = (said: unknown): string => NOW[String(said)] ?? String(said);
  const first = itemsOf(change.calls)
    .map(({ n, approval }) => (typeof approval === 'string' ? approval : `event ${String(n)}`))
    .join(', ');
  return [
    printed`  ${String(count)} of ${nameOf(change)} by ${String(agent)}: ${shown(from)} → ${shown(to)} (rule ${String(rule)}, by ${String(where)})`,
    printed`      ${first}`,
  ];
}

function nameOf({ server, tool }: Item): Printed {
  return printed`${String(server)}.${printedTool(String(tool))}`;
}

function itemsOf(value: unknown): Item[] {
  return Array.isArray(value) ? (value.filter(isObject) as Item[]) : [];
}
