import type { Terminal } from '../../main/process/terminal.ts';
import { printed, printedJson } from '../../text/printed.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';
import { approvalLine, type ListedApproval } from './listed-approval.ts';
import { askApi, refusedBy } from './reply.ts';

/** The most approvals that are asked for and printed. */
const PAGE = 200;
const MAX_LISTED = 1_000;
const NO_LIST = { reason: 'What answered is no list of approvals. Is --url right?' };

interface ApprovalsListOptions extends GatewayAddress {
  readonly state?: string;
  readonly json: boolean;
}

/** `approvals list` */
export async function approvalsListCommand(options: ApprovalsListOptions, terminal: Terminal): Promise<number> {
  const gateway = await RunningGateway.at(options, terminal);
  const query = options.state === undefined ? '' : `&state=${encodeURIComponent(options.state)}`;
  const rows: ListedApproval[] = [];
  let after = '';
  do {
    const page = await askApi(gateway, `/api/approvals?limit=${PAGE}${query}${after}`);
    if (!page.ok) return refusedBy(page, terminal);
    if (!Array.isArray(page.body.items)) return refusedBy({ ...page, body: NO_LIST }, terminal);
    rows.push(...(page.body.items as ListedApproval[]));
    after = page.body.next ? `&after=${encodeURIComponent(String(page.body.next))}` : '';
  } while (after !== '' && rows.length < MAX_LISTED);
  if (options.json) terminal.out(printed`${printedJson(rows)}\n`);
  else if (rows.length === 0) terminal.out(printed`No approvals.\n`);
  else for (const row of rows) terminal.out(approvalLine(row));
  if (after !== '') terminal.err(printed`There are more; these are the newest ${rows.length}. --state lists fewer.\n`);
  return 0;
}
