import { isObject } from '../../domain/json/json.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { bounded } from '../../text/bounded.ts';
import { joined, type Printed, printed, printedJson, printedTool } from '../../text/printed.ts';
import { type ApiReply, askApi, refusedBy } from '../approvals/reply.ts';
import { limitIn } from '../remote/limit.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';

/** Items that are asked for at once. */
const PAGE = 200;
const LONGEST = 48;
const NO_LIST = { reason: 'The answer is not a list. Is --url right?' };

interface ListOptions extends GatewayAddress {
  /** `living`, `ended` or `all`. */
  readonly state: string;
  readonly limit: string;
  readonly after?: string;
  readonly json: boolean;
}

/** `allowances list`: newest first, with what is used and left. */
export function allowancesListCommand(options: ListOptions, terminal: Terminal): Promise<number> {
  return list('allowances', 'No allowances.', allowanceLines, options, terminal);
}

/** `denials list` */
export function denialsListCommand(options: ListOptions, terminal: Terminal): Promise<number> {
  return list('denials', 'No standing denials.', denialLines, options, terminal);
}

interface RevokeOptions extends GatewayAddress {
  readonly id: string;
  readonly json: boolean;
}

/** `allowances revoke`: 1 when it had ended, or the API refuses. */
export function allowancesRevokeCommand(options: RevokeOptions, terminal: Terminal): Promise<number> {
  return end('allowances', 'Nothing more runs under it.', options, terminal);
}

/** `denials revoke` */
export function denialsRevokeCommand(options: RevokeOptions, terminal: Terminal): Promise<number> {
  return end('denials', 'Its calls are asked about again.', options, terminal);
}

type Item = Readonly<Record<string, unknown>>;

async function list(
  path: 'allowances' | 'denials',
  none: string,
  lines: (item: Item) => Printed,
  options: ListOptions,
  terminal: Terminal,
): Promise<number> {
  const limit = limitIn(options.limit);
  const gateway = await RunningGateway.at(options, terminal);
  const rows: Item[] = [];
  let next: string | null = options.after ?? null;
  do {
    const query = new URLSearchParams({ limit: String(Math.min(PAGE, limit - rows.length)) });
    if (options.state !== 'all') query.set('state', options.state);
    if (next !== null) query.set('after', next);
    const page: ApiReply = await askApi(gateway, `/api/${path}?${query}`);
    if (!page.ok) return refusedBy(page, terminal);
    const { items } = page.body;
    if (!Array.isArray(items) || !items.every(isObject)) return refusedBy({ ...page, body: NO_LIST }, terminal);
    rows.push(...(items as Item[]));
    next = items.length > 0 && page.body.next ? String(page.body.next) : null;
  } while (next !== null && rows.length < limit);
  if (options.json) terminal.out(printed`${printedJson({ items: rows, next })}\n`);
  else if (rows.length === 0) terminal.out(printed`${none}\n`);
  else terminal.out(joined(rows.map(lines), ''));
  if (next !== null && !options.json)
    terminal.err(printed`There are more than these ${rows.length}. Use --limit N, or --after ${next}\n`);
  return 0;
}

async function end(
  path: 'allowances' | 'denials',
  then: string,
  options: RevokeOptions,
  terminal: Terminal,
): Promise<number> {
  const gateway = await RunningGateway.at(options, terminal);
  const reply = await askApi(gateway, `/api/${path}/${encodeURIComponent(options.id)}`, {}, 'DELETE');
  if (reply.status === 409 && typeof reply.body.state === 'string') {
    terminal.err(printed`${options.id} had ended already: ${reply.body.state}.\n`);
    return 1;
  }
  if (!reply.ok) return refusedBy(reply, terminal);
  terminal.out(options.json ? printed`${printedJson(reply.body)}\n` : printed`${options.id} is revoked. ${then}\n`);
  return 0;
}

function callOf({ server, tool, grant }: Item): Printed {
  return printed`${bounded(String(server), LONGEST)}.${printedTool(bounded(String(tool), LONGEST))} for ${bounded(String(grant), LONGEST)}`;
}

function allowanceLines(item: Item): Printed {
  const bounds = (isObject(item.bounds) ? item.bounds : {}) as Item;
  const names = (value: unknown): string => (Array.isArray(value) ? value.map(String).join(', ') : '');
  const by = names(item.by);
  const head = printed`${String(item.id)}  ${String(item.state)}  ${callOf(item)}\n`;
  const use = printed`  ${String(item.used)} of ${String(bounds.calls)} used, ${String(item.left)} left, until ${String(item.until)}, by ${by}\n`;
  const vary = names(bounds.mayVary);
  const within = Array.isArray(bounds.within) ? bounds.within.map(String).join(' and ') : '';
  return printed`${head}${use}  may vary: ${vary === '' ? 'nothing' : vary}${within === '' ? '' : `; where ${within}`}\n`;
}

function denialLines(item: Item): Printed {
  const vary = Array.isArray(item.mayVary) ? item.mayVary.map(String).join(', ') : '';
  const why = typeof item.reason === 'string' ? `: ${item.reason}` : '';
  const head = printed`${String(item.id)}  ${String(item.state)}  ${callOf(item)}\n`;
  return printed`${head}  until ${String(item.until)}, by ${String(item.by)}${why}\n  may vary: ${vary === '' ? 'nothing' : vary}\n`;
}
