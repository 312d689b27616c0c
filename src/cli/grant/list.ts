import { isObject } from '../../domain/json/json.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import {
  inkedFor,
  joined,
  type Printable,
  type Printed,
  padded,
  printed,
  printedJson,
  widthOf,
} from '../../text/printed.ts';
import { ageText, leftText } from '../approvals/age.ts';
import { askApi, refusedBy } from '../approvals/reply.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';
import type { ListedGrant } from './listed-grant.ts';

interface GrantListOptions extends GatewayAddress {
  readonly json: boolean;
}

const HEADER = ['NAME', 'OWNER', 'SERVERS', 'EXPIRES', 'LAST USE', 'STATE'] as const;

/** `grant list` */
export async function grantListCommand(options: GrantListOptions, terminal: Terminal): Promise<number> {
  const reply = await askApi(await RunningGateway.at(options, terminal), '/api/grants');
  if (!reply.ok) return refusedBy(reply, terminal);
  const { items } = reply.body;
  if (!Array.isArray(items) || !items.every(isObject)) {
    return refusedBy({ ...reply, body: { reason: 'The answer is not a list of grants. Is --url right?' } }, terminal);
  }
  if (options.json) terminal.out(printed`${printedJson(reply.body)}\n`);
  else if (items.length === 0) terminal.out(printed`The config has no grants. Make one: holdfast grant new.\n`);
  else terminal.out(tableOf(items as unknown as ListedGrant[], Date.now(), terminal));
  return 0;
}

function tableOf(grants: readonly ListedGrant[], now: number, terminal: Terminal): Printed {
  const rows = grants.map((grant): Printable[] => [
    grant.name,
    grant.owner ?? 'none',
    Array.isArray(grant.servers) ? grant.servers.map(String).join(', ') : '?',
    grant.expires === null ? 'never' : leftText(grant.expires, now),
    grant.lastUse === null ? 'never' : `${ageText(grant.lastUse, now)} ago`,
    stateOf(grant, now),
  ]);
  const widths = HEADER.map((name, column) => Math.max(name.length, ...rows.map((row) => widthOf(row[column]!))));
  const line = (row: readonly Printable[]): Printed =>
    joined(
      row.map((cell, column) => (column === row.length - 1 ? cell : padded(cell, widths[column]!))),
      '  ',
    );
  return printed`${inkedFor(terminal, 'bold', line(HEADER))}\n${joined(
    rows.map((row) => printed`${line(row)}\n`),
    '',
  )}`;
}

function stateOf({ expires, revoked }: ListedGrant, now: number): string {
  if (revoked) return `revoked by ${revoked.by} at ${revoked.at}${revoked.reason ? `: ${revoked.reason}` : ''}`;
  return expires !== null && leftText(expires, now) === 'over' ? 'expired' : 'in use';
}
