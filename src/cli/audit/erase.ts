import type { Terminal } from '../../main/process/terminal.ts';
import { counted } from '../../text/plural.ts';
import { printed, printedJson } from '../../text/printed.ts';
import { askApi, refusedBy } from '../approvals/reply.ts';
import { Misuse } from '../parse/misuse.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';

interface AuditEraseOptions extends GatewayAddress {
  readonly ids: readonly string[];
  readonly matching?: string;
  readonly reason?: string;
  readonly yes: boolean;
  readonly json: boolean;
}

interface Matched {
  readonly approval: string;
  readonly server: string;
  readonly tool: string;
  readonly createdAt: string;
  readonly outcome: string;
  readonly clear: number | null;
}

/** `audit erase`: 0 when everything that was asked for is erased, 1 when something is not, 2 for misuse. */
export async function auditEraseCommand(options: AuditEraseOptions, terminal: Terminal): Promise<number> {
  const { ids, matching, reason, yes } = options;
  if ((ids.length === 0) === (matching === undefined)) throw new Misuse('Give ids of approvals, or --matching TEXT.');
  if (matching === undefined && reason === undefined) throw new Misuse('Say why, with --reason. It stays in the log.');
  if (matching !== undefined && yes && reason === undefined)
    throw new Misuse('Say why, with --reason. It stays in the log.');
  const gateway = await RunningGateway.at(options, terminal);
  return matching === undefined
    ? eraseThese(gateway, options, terminal)
    : eraseMatching(gateway, { ...options, matching }, terminal);
}

async function eraseThese(
  gateway: RunningGateway,
  { ids, reason, json }: AuditEraseOptions,
  terminal: Terminal,
): Promise<number> {
  let code = 0;
  for (const id of ids) {
    const reply = await askApi(gateway, `/api/approvals/${encodeURIComponent(id)}/erase`, { reason });
    if (!reply.ok) {
      terminal.err(printed`${id}: `);
      code = Math.max(code, refusedBy(reply, terminal));
      continue;
    }
    const { events, clear, cards, samples } = reply.body as Record<string, number>;
    if (json) terminal.out(printed`${printedJson(reply.body)}\n`);
    else {
      terminal.out(
        printed`${id} is erased: ${counted(events!, 'event')}, ${counted(cards!, 'card')}, ${counted(samples!, 'sample')}.\n`,
      );
      warnOfClear(Number(clear), terminal);
    }
  }
  return code;
}

async function eraseMatching(
  gateway: RunningGateway,
  { matching, reason, yes, json }: AuditEraseOptions & { readonly matching: string },
  terminal: Terminal,
): Promise<number> {
  const body = yes ? { matching, reason } : { matching, dryRun: true };
  const reply = await askApi(gateway, '/api/erasures', body);
  if (!reply.ok) return refusedBy(reply, terminal);
  const items = reply.body.items as readonly Matched[];
  const left = items.filter(({ outcome }) => outcome !== 'erased' && outcome !== 'found');
  if (json) {
    terminal.out(printed`${printedJson(reply.body)}\n`);
    return left.length > 0 || reply.body.more === true ? 1 : 0;
  }
  for (const { approval, server, tool, createdAt, outcome } of items) {
    terminal.out(printed`${approval}  ${createdAt}  ${server}.${tool}  ${OUTCOMES[outcome] ?? outcome}\n`);
  }
  const more = reply.body.more === true ? ' There are more: run it again.' : '';
  if (!yes) {
    terminal.out(
      printed`${counted(items.length, 'approval')} with this text.${more} Nothing was changed: give --reason and --yes to erase them.\n`,
    );
    return 0;
  }
  const erased = items.length - left.length;
  terminal.out(
    printed`Erased: ${counted(erased, 'approval')}, ${counted(Number(reply.body.samples), 'sample')}. Not erased: ${left.length}.${more}\n`,
  );
  warnOfClear(
    items.reduce((sum, { clear }) => sum + (clear ?? 0), 0),
    terminal,
  );
  return left.length > 0 || more !== '' ? 1 : 0;
}

const OUTCOMES: Readonly<Record<string, string>> = {
  found: '',
  live: 'not erased: it waits, may run, or runs',
  owed: 'not erased: its outcome is not collected yet',
  card: 'not erased: its card is being written; try again',
  off: 'not erased: audit.erasable is off, and was when it was asked about',
};

function warnOfClear(clear: number, terminal: Terminal): void {
  if (clear === 0) return;
  terminal.err(
    printed`${counted(clear, 'event')} of it ${clear === 1 ? 'was' : 'were'} written in the clear (before audit.erasable) and ${clear === 1 ? 'stays' : 'stay'} in the log: that goes only with a cut of the log.\n`,
  );
}
