import type { Terminal } from '../../main/process/terminal.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';
import { eventLine } from './event-line.ts';
import { readEventPage } from './read.ts';

/** Seconds that the gateway may wait for the next event before it answers with none. */
const WAIT_S = 25;

interface AuditTailOptions extends GatewayAddress {
  readonly json: boolean;
}

/** `audit tail`: prints events as they are sealed, from now on, until the process is stopped. */
export async function auditTailCommand(options: AuditTailOptions, terminal: Terminal): Promise<number> {
  const gateway = await RunningGateway.at(options, terminal);
  let { next } = await readEventPage(gateway, '/api/events/tail');
  for (;;) {
    const page = await readEventPage(gateway, `/api/events/tail?after=${next}&wait=${WAIT_S}`);
    for (const event of page.items) terminal.out(eventLine(event, options.json));
    next = page.next;
  }
}
