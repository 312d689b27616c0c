import type { Terminal } from '../../main/process/terminal.ts';
import { printed, printedJson } from '../../text/printed.ts';
import { askApi, refusedBy } from '../approvals/reply.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';

interface GrantRevokeOptions extends GatewayAddress {
  readonly name: string;
  readonly reason: string;
  readonly json: boolean;
}

/** `grant revoke`. 1 when it was revoked before, or the API refuses. */
export async function grantRevokeCommand(options: GrantRevokeOptions, terminal: Terminal): Promise<number> {
  const { name, reason, json } = options;
  const gateway = await RunningGateway.at(options, terminal);
  const reply = await askApi(gateway, `/api/grants/${encodeURIComponent(name)}`, { reason }, 'DELETE');
  if (reply.status === 409) {
    terminal.err(printed`${name} was revoked already. To give access again, make a new token: holdfast grant new\n`);
    return 1;
  }
  if (!reply.ok) return refusedBy(reply, terminal);
  terminal.out(
    json
      ? printed`${printedJson(reply.body)}\n`
      : printed`${name} is revoked: its agent is refused on every replica within two seconds.\n`,
  );
  return 0;
}
