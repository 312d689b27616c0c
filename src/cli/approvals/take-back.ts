import type { Terminal } from '../../main/process/terminal.ts';
import { printed, printedJson } from '../../text/printed.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';
import { askApi, refusedBy } from './reply.ts';

interface ApprovalsTakeBackOptions extends GatewayAddress {
  readonly id: string;
  readonly reason?: string;
  readonly fingerprint?: string;
  readonly json: boolean;
}

/** `approvals take-back`. 1 when the API refuses, or there is no unused yes any more. */
export async function approvalsTakeBackCommand(options: ApprovalsTakeBackOptions, terminal: Terminal): Promise<number> {
  const { id, reason = null, fingerprint = null, json } = options;
  const path = `/api/approvals/${encodeURIComponent(id)}/take-back`;
  const reply = await askApi(await RunningGateway.at(options, terminal), path, { reason, fingerprint });
  if (reply.status === 409) {
    terminal.err(printed`There is no unused approval to take back: ${id} is ${String(reply.body.state)}.\n`);
    return 1;
  }
  if (!reply.ok) return refusedBy(reply, terminal);
  terminal.out(
    json
      ? printed`${printedJson(reply.body)}\n`
      : printed`${id} is now ${String(reply.body.state)}: it will not run.\n`,
  );
  return 0;
}
