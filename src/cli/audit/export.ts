import type { Terminal } from '../../main/process/terminal.ts';
import { printed } from '../../text/printed.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';
import { readAudit } from './read.ts';

interface AuditExportOptions extends GatewayAddress {
  readonly cards: boolean;
  readonly erasable: boolean;
}

/** Characters at the end that are kept to see whether the export is whole; its last line is shorter. */
const TAIL = 1_000;
const END_LINE = /\n\{"end":[^\n]{1,200}\n$/;

/** `audit export`: the whole log as JSON Lines, on standard output. 1: it came without its end. */
export async function auditExportCommand(options: AuditExportOptions, terminal: Terminal): Promise<number> {
  const gateway = await RunningGateway.at(options, terminal);
  const asked = new URLSearchParams({
    ...(options.cards && { cards: '1' }),
    ...(options.erasable && { erasable: '1' }),
  });
  const { body } = await readAudit(gateway, `/api/events/export${asked.size > 0 ? `?${asked}` : ''}`);
  const utf8 = new TextDecoder();
  let tail = '';
  for await (const chunk of body!) {
    const text = utf8.decode(chunk, { stream: true });
    terminal.evidence(text);
    tail = (tail + text).slice(-TAIL);
    // A slow reader slows down the gateway; the export never piles up in memory.
    await terminal.drained?.();
  }
  if (terminal.screen) {
    terminal.err(
      printed`Shown with escapes, which cannot be verified. Write it to a file instead: holdfast audit export > audit.jsonl\n`,
    );
  }
  if (END_LINE.test(tail)) return 0;
  terminal.err(printed`The export was cut off: it has no end line.\n`);
  return 1;
}
