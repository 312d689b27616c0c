import type { Terminal } from '../../main/process/terminal.ts';
import { printed } from '../../text/printed.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';
import { readAudit } from './read.ts';

interface AuditEvidenceOptions extends GatewayAddress {
  readonly id: string;
}

/** `audit evidence`: what proves one decision, on standard output, as the gateway signed it. 1: it is not whole. */
export async function auditEvidenceCommand(options: AuditEvidenceOptions, terminal: Terminal): Promise<number> {
  const gateway = await RunningGateway.at(options, terminal);
  const response = await readAudit(gateway, `/api/approvals/${encodeURIComponent(options.id)}/evidence`);
  const line = await response.text();
  terminal.evidence(line);
  if (terminal.screen) {
    terminal.err(
      printed`Shown with escapes, which cannot be verified. Write it to a file instead: holdfast audit evidence ${options.id} > evidence.json\n`,
    );
  }
  if (line.endsWith('"}\n')) return 0;
  terminal.err(printed`The evidence was cut off. Fetch it again.\n`);
  return 1;
}
