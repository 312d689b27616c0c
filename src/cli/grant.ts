import { parseArgs } from 'node:util';
import { newGrant } from '../config/grants.ts';
import { Misuse, type Terminal } from '../main/process/terminal.ts';

const USAGE = 'holdfast grant new --name NAME --server SERVER [--server SERVER …] [--owner SLACK_ID|none]';

/** `grant new`: makes a token, shows it once, and prints the block for the config. */
export async function grantCommand(argv: string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      server: { type: 'string', multiple: true },
      owner: { type: 'string', default: 'none' },
    },
  });
  const { name, server: servers, owner } = values;
  if (positionals[0] !== 'new' || positionals.length !== 1 || !name || !servers) throw new Misuse(`Use: ${USAGE}`);
  if (!/^[A-Za-z0-9][\w.-]{0,63}$/.test(name)) throw new Misuse('--name takes letters, digits and _ . -');
  if (!/^(none|[UW][A-Z0-9]{2,20})$/.test(owner)) throw new Misuse('--owner takes a Slack id such as U0SAM, or none');
  const grant = newGrant({ name, servers, owner: owner === 'none' ? null : owner });
  terminal.out(
    `The agent's token, shown this once:\n\n  ${grant.token}\n\n` +
      `Put this under grants in holdfast.yaml; it holds the token's SHA-256 only:\n\n${grant.yaml}\n` +
      'Point the client at https://your-gateway/mcp/SERVER with the header\n  Authorization: Bearer TOKEN\n',
  );
  return 0;
}
