import type { Terminal } from '../../main/process/terminal.ts';
import { printed, printedJson } from '../../text/printed.ts';
import { instantIn } from '../remote/instant.ts';
import { limitIn } from '../remote/limit.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';
import { eventLine } from './event-line.ts';
import { type ListedEvent, readEventPage } from './read.ts';

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
  readonly before?: string;
  readonly limit: string;
  readonly json: boolean;
};

/** Events asked for at once. */
const PAGE = 500;

/** `audit list`: searches over HTTP, newest first, and a word where there are more. */
export async function auditListCommand(options: AuditListOptions, terminal: Terminal): Promise<number> {
  const limit = limitIn(options.limit);
  const query = queryOf(options, Date.now());
  const gateway = await RunningGateway.at(options, terminal);
  const kept: ListedEvent[] = [];
  let count = 0;
  let next: string | null = options.before ?? null;
  do {
    query.set('limit', String(Math.min(PAGE, limit - count)));
    if (next !== null) query.set('before', next);
    const page = await readEventPage(gateway, `/api/events?${query}`);
    if (options.json) kept.push(...page.items);
    else for (const event of page.items) terminal.out(eventLine(event, false));
    await terminal.drained?.();
    count += page.items.length;
    // A page without items has no next one, whatever it says.
    next = page.items.length === 0 ? null : page.next;
  } while (next !== null && count < limit);
  if (options.json) terminal.out(printed`${printedJson({ items: kept, next })}\n`);
  else if (count === 0) terminal.err(printed`No such event.\n`);
  else if (next !== null)
    terminal.err(printed`There are more than these ${count}. Use --limit N, or --before ${next}\n`);
  return 0;
}

function queryOf(options: AuditListOptions, now: number): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of FILTERS) {
    const given = options[name];
    if (!given) continue;
    query.set(name, name === 'since' || name === 'until' ? instantIn(name, given, now) : given);
  }
  // Only a search is newest first. This filter leaves nothing out.
  if (query.size === 0) query.set('since', '1970-01-01T00:00:00Z');
  return query;
}
