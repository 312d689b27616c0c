import type { Terminal } from '../../main/process/terminal.ts';
import { printable } from '../remote/printable.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';
import { approvalLine, type ListedApproval } from './listed-approval.ts';
import { askApi, refusedBy } from './reply.ts';

interface ApprovalsShowOptions extends GatewayAddress {
  readonly id: string;
  readonly json: boolean;
}

/** `approvals show` */
export async function approvalsShowCommand(options: ApprovalsShowOptions, terminal: Terminal): Promise<number> {
  const gateway = new RunningGateway(options, terminal);
  const reply = await askApi(gateway, `/api/approvals/${encodeURIComponent(options.id)}`);
  if (!reply.ok) return refusedBy(reply, terminal);
  terminal.out(options.json ? `${JSON.stringify(reply.body)}\n` : details(reply.body as unknown as ListedApproval));
  return 0;
}

function details(approval: ListedApproval): string {
  const decisions = approval.decisions.map(({ approver, decision, reason }) => {
    return `${approver}: ${decision}${reason ? ` (${reason})` : ''}`;
  });
  const args = JSON.stringify(approval.arguments, null, 2).split('\n').map(printable);
  return [
    approvalLine(approval).trimEnd(),
    `fingerprint  ${approval.fingerprint}`,
    `arguments    ${args.join('\n             ')}`,
    `decisions    ${printable(decisions.join('; ')) || 'none yet'}`,
    '',
  ].join('\n');
}
