import type { Terminal } from '../../main/process/terminal.ts';
import { printed } from '../../text/printed.ts';
import { Misuse } from '../parse/misuse.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';
import { eventLine } from './event-line.ts';
import { readEventPage } from './read.ts';

const FILTERS = [
  'type',
  'what',
  'verdict',
  'server',
  'tool',
  'grant',
  'approver',
  'since',
  'until',
  'state',
  'text',
] as const;

type AuditListOptions = GatewayAddress & { readonly [name in (typeof FILTERS)[number]]?: string } & {
  readonly limit: string;
  readonly json: boolean;
};

/** Events asked for at once. */
const PAGE = 500;

/** `audit list`: searches over HTTP, newest first. */
export async function auditListCommand(options: AuditListOptions, terminal: Terminal): Promise<number> {
  const gateway = await RunningGateway.at(options, terminal);
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1) throw new Misuse('--limit is a whole number, 1 or more.');
  const query = new URLSearchParams();
  for (const name of FILTERS) if (options[name]) query.set(name, options[name]);
  // Only a search is newest first. This filter leaves nothing out.
  if (query.size === 0) query.set('since', '1970-01-01T00:00:00Z');
  let left = limit;
  while (left > 0) {
    query.set('limit', String(Math.min(left, PAGE)));
    const { items, next } = await readEventPage(gateway, `/api/events?${query}`);
    for (const event of items) terminal.out(eventLine(event, options.json));
    left -= items.length;
    if (next === null) break;
    query.set('before', next);
  }
  if (left === limit && !options.json) terminal.err(printed`No such event.\n`);
  return 0;
}
