import type { Terminal } from '../../main/process/terminal.ts';
import { joined, printed, printedJson } from '../../text/printed.ts';
import { Misuse } from '../parse/misuse.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';
import { dataDirectory, ownKeys } from './own-keys.ts';
import { readAudit } from './read.ts';

interface AuditKeyOptions extends GatewayAddress {
  readonly data?: string;
  readonly json: boolean;
}

/** `audit key`: the public keys of this machine's secret, or of the gateway at `--url`. */
export async function auditKeyCommand(
  { data, json, ...address }: AuditKeyOptions,
  terminal: Terminal,
): Promise<number> {
  const keys =
    address.url === undefined ? ownKeys(dataDirectory(data, terminal), terminal) : await keysAt(address, terminal);
  if (keys.length === 0) throw new Misuse('Set HOLDFAST_SECRET, or give --data DIR or --url of the gateway.');
  terminal.out(json ? printed`${printedJson({ keys })}\n` : printed`${joined(keys, '\n')}\n`);
  return 0;
}

async function keysAt(address: GatewayAddress, terminal: Terminal): Promise<string[]> {
  const response = await readAudit(await RunningGateway.at(address, terminal), '/api/checkpoints');
  const { keys } = (await response.json()) as { keys: string[] };
  return keys;
}
