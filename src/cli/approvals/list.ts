import { isObject } from '../../domain/json/json.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { printed, printedJson } from '../../text/printed.ts';
import { limitIn } from '../remote/limit.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';
import type { ListedApproval } from './listed-approval.ts';
import { askApi, refusedBy } from './reply.ts';
import { approvalsTable } from './table.ts';

/** Approvals that are asked for at once. */
const PAGE = 200;
const NO_LIST = { reason: 'The answer is not a list of approvals. Is --url right?' };
/** Those that may still change what happens. */
const OPEN = 'pending,approved,dispatched';

interface ApprovalsListOptions extends GatewayAddress {
  /** `open`, `all`, or states separated by commas. */
  readonly state?: string;
  readonly limit: string;
  readonly after?: string;
  readonly json: boolean;
}

/** `approvals list`: newest first, and a word where there are more. */
export async function approvalsListCommand(options: ApprovalsListOptions, terminal: Terminal): Promise<number> {
  const limit = limitIn(options.limit);
  const gateway = await RunningGateway.at(options, terminal);
  const states = statesIn(options.state ?? 'open');
  const rows: ListedApproval[] = [];
  let next: string | null = options.after ?? null;
  do {
    const query = new URLSearchParams({ limit: String(Math.min(PAGE, limit - rows.length)) });
    if (states !== null) query.set('state', states);
    if (next !== null) query.set('after', next);
    const page = await askApi(gateway, `/api/approvals?${query}`);
    if (!page.ok) return refusedBy(page, terminal);
    const { items } = page.body;
    if (!Array.isArray(items) || !items.every(isObject)) return refusedBy({ ...page, body: NO_LIST }, terminal);
    rows.push(...(items as unknown as ListedApproval[]));
    // A page without items has no next one, whatever it says.
    next = items.length > 0 && page.body.next ? String(page.body.next) : null;
  } while (next !== null && rows.length < limit);
  if (options.json) {
    terminal.out(printed`${printedJson({ items: rows, next })}\n`);
    return 0;
  }
  if (rows.length === 0) terminal.out(printed`${noneOf(options.state)}\n`);
  else terminal.out(approvalsTable(rows, Date.now(), terminal));
  if (next !== null)
    terminal.err(printed`There are more than these ${rows.length}. Use --limit N, or --after ${next}\n`);
  return 0;
}

/** null: all of them. */
function statesIn(text: string): string | null {
  const names = text.split(',');
  return names.includes('all') ? null : names.map((name) => (name === 'open' ? OPEN : name)).join(',');
}

function noneOf(state = 'open'): string {
  if (state === 'all') return 'No approvals.';
  return state === 'open' ? 'No open approvals. --state all lists those that are over.' : `No approvals: ${state}.`;
}
