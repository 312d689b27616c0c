import { newGrant } from '../config/grants.ts';
import type { Terminal } from '../main/process/terminal.ts';
import { ownLines, printed } from '../text/printed.ts';
import { Misuse } from './parse/misuse.ts';

interface GrantNewOptions {
  readonly name: string;
  readonly server: readonly string[];
  /** A Slack id, or `none`. */
  readonly owner: string;
}

/** `grant new`: makes a token, shows it once, and prints the lines for the config. */
export async function grantNewCommand({ name, server, owner }: GrantNewOptions, terminal: Terminal): Promise<number> {
  if (!/^[A-Za-z0-9][\w.-]{0,63}$/.test(name)) throw new Misuse('--name takes letters, digits and _ . -');
  if (!/^(none|[UW][A-Z0-9]{2,20})$/.test(owner)) throw new Misuse('--owner takes a Slack id such as U0SAM, or none');
  const grant = newGrant({ name, servers: server, owner: owner === 'none' ? null : owner });
  terminal.out(
    printed`The agent's token, shown this once:\n\n  ${grant.token}\n\nPut this under grants in holdfast.yaml; it holds the token's SHA-256 only:\n\n${ownLines(grant.yaml)}\nPoint the client at https://your-gateway/mcp/SERVER with the header\n  Authorization: Bearer TOKEN\n`,
  );
  return 0;
}
