import type { Terminal } from '../../main/process/terminal.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';
import { readAudit } from './read.ts';

interface AuditExportOptions extends GatewayAddress {
  readonly cards: boolean;
}

/** `audit export`: the whole log as JSON Lines, on standard output. */
export async function auditExportCommand(options: AuditExportOptions, terminal: Terminal): Promise<number> {
  const gateway = await RunningGateway.at(options, terminal);
  const { body } = await readAudit(gateway, `/api/events/export${options.cards ? '?cards=1' : ''}`);
  const text = new TextDecoder();
  for await (const chunk of body!) {
    terminal.out(text.decode(chunk, { stream: true }));
    // A slow reader slows down the gateway; the export never piles up in memory.
    await terminal.drained?.();
  }
  return 0;
}
