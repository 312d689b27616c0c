import type { Terminal } from '../../main/process/terminal.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';
import { askApi, refusedBy } from './reply.ts';

interface ApprovalsDecideOptions extends GatewayAddress {
  readonly id: string;
  readonly reason?: string;
  readonly json: boolean;
}

/** `approvals approve` */
export function approvalsApproveCommand(options: ApprovalsDecideOptions, terminal: Terminal): Promise<number> {
  return decide('approve', options, terminal);
}

/** `approvals deny` */
export function approvalsDenyCommand(options: ApprovalsDecideOptions, terminal: Terminal): Promise<number> {
  return decide('deny', options, terminal);
}

/** 1 when the API refused, or when the approval was already decided. */
async function decide(
  decision: 'approve' | 'deny',
  options: ApprovalsDecideOptions,
  terminal: Terminal,
): Promise<number> {
  const { id, reason = null, json } = options;
  const path = `/api/approvals/${encodeURIComponent(id)}/decisions`;
  const reply = await askApi(new RunningGateway(options, terminal), path, { decision, reason });
  if (reply.status === 409) {
    terminal.err(`Too late: ${id} is already ${String(reply.body.state)}.\n`);
    return 1;
  }
  if (!reply.ok) return refusedBy(reply, terminal);
  terminal.out(json ? `${JSON.stringify(reply.body)}\n` : `${id} is now ${String(reply.body.state)}.\n`);
  return 0;
}
