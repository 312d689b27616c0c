import type { Terminal } from '../main/process/terminal.ts';
import { joined, type Printed, printed, printedJson } from '../text/printed.ts';
import { askApi, refusedBy } from './approvals/reply.ts';
import { type GatewayAddress, RunningGateway } from './remote/running-gateway.ts';

interface StoreAcceptOptions extends GatewayAddress {
  readonly reason: string;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/**
 * `store accept`: goes on with a database that went back in time, or that was changed outside Holdfast, as it is. Says before
 * what will become of what; with `dryRun` nothing more.
 */
export async function storeAcceptCommand(options: StoreAcceptOptions, terminal: Terminal): Promise<number> {
  const gateway = await RunningGateway.at(options, terminal);
  // A GET: a gateway of a release before this one would take anything else for the acceptance itself.
  const before = await askApi(gateway, '/api/store/accept');
  if (options.dryRun) {
    if (!before.ok) return refusedBy(before, terminal);
    terminal.out(options.json ? printed`${printedJson(before.body)}\n` : wordsOf(before.body));
    return 0;
  }
  if (before.ok && !options.json) terminal.out(printed`Before:\n${wordsOf(before.body)}\nAfter:\n`);
  const reply = await askApi(gateway, '/api/store/accept', { reason: options.reason });
  if (!reply.ok) return refusedBy(reply, terminal);
  terminal.out(options.json ? printed`${printedJson(reply.body)}\n` : wordsOf(reply.body));
  return 0;
}

function wordsOf(body: Readonly<Record<string, unknown>>): Printed {
  const list = (name: string): readonly unknown[] => (Array.isArray(body[name]) ? body[name] : []);
  const found = list('found').map((one) => printed`  ${String((one as { why?: unknown }).why ?? '')}\n`);
  const lines = [
    found.length === 0 ? printed`Nothing was found wrong with it.\n` : printed`Found:\n${joined(found, '')}`,
    told('Sent before, and unknown now', list('unknown')),
    told('Lost, and there again as unknown', list('restored')),
    told('Changed outside Holdfast, and ended', list('ended')),
    named('Gone, and put back from the log', list('putBack')),
    named('Gone or changed, and not put back', list('lost')),
    body.dryRun === true
      ? printed`Nothing was changed.\n`
      : printed`The store is accepted as it is. Every replica continues within 10 s.\n`,
  ];
  return joined(lines, '');
}

function told(what: string, ids: readonly unknown[]): Printed {
  return ids.length === 0 ? printed`` : printed`${what}: ${joined(ids.map(String), ', ')}\n`;
}

function named(what: string, rows: readonly unknown[]): Printed {
  const lines = (rows as readonly { table?: unknown; row?: unknown; about?: unknown }[]).map(
    ({ table, row, about }) => printed`  ${String(table)}${row === null ? '' : ` ${String(row)}`}: ${String(about)}\n`,
  );
  return lines.length === 0 ? printed`` : printed`${what}:\n${joined(lines, '')}`;
}
