import type { Terminal } from '../../main/process/terminal.ts';
import { printed, printedJson } from '../../text/printed.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';
import { approvalDetails } from './details.ts';
import { earlierRuns } from './earlier-runs.ts';
import type { ListedApproval } from './listed-approval.ts';
import { askApi, refusedBy } from './reply.ts';

interface ApprovalsShowOptions extends GatewayAddress {
  readonly id: string;
  readonly json: boolean;
}

/** `approvals show` */
export async function approvalsShowCommand(options: ApprovalsShowOptions, terminal: Terminal): Promise<number> {
  const gateway = await RunningGateway.at(options, terminal);
  const reply = await askApi(gateway, `/api/approvals/${encodeURIComponent(options.id)}`);
  if (!reply.ok) return refusedBy(reply, terminal);
  if (options.json) {
    terminal.out(printed`${printedJson(reply.body)}\n`);
    return 0;
  }
  const approval = reply.body as unknown as ListedApproval;
  terminal.out(approvalDetails(approval, await earlierRuns(gateway, approval), terminal));
  return 0;
}
