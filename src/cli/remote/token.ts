import { secretFrom } from '../../config/secret-from.ts';
import { secretsOnDisk } from '../../main/process/secret-file.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { terminalSecret } from '../../main/process/terminal-secret.ts';
import { printed } from '../../text/printed.ts';
import { Misuse } from '../parse/misuse.ts';

/** How the command line says where the token is that it sends: the admin token, or a personal one. */
export interface TokenOptions {
  readonly tokenFile?: string;
  /** Refused: it would be seen. */
  readonly token?: string;
}

const WAYS =
  'Set HOLDFAST_TOKEN (a personal token) or HOLDFAST_ADMIN_TOKEN, or the same with _FILE, give --token-file, or run the command in the folder of holdfast init';

/**
 * The token that is sent: from `--token-file`, else a person's own from `HOLDFAST_TOKEN` or the file that `HOLDFAST_TOKEN_FILE`
 * names, else the admin token from `HOLDFAST_ADMIN_TOKEN` or its file, else from the folder of secrets beside the config
 * here, else asked for at the terminal. Whoever has a token of their own never sends the other one. Never from the command line itself, which every user of the machine can list.
 */
export async function tokenFor({ tokenFile, token }: TokenOptions, terminal: Terminal): Promise<string> {
  if (token !== undefined) {
    throw new Misuse(
      `--token is not accepted: every user of this machine could see it, and shells record it. ${WAYS}. If it was the real token, make a new one.`,
    );
  }
  const found =
    tokenFile === undefined
      ? (terminalSecret(terminal, 'HOLDFAST_TOKEN', true) ?? terminalSecret(terminal, 'HOLDFAST_ADMIN_TOKEN', true))
      : tokenIn(tokenFile, terminal);
  if (found !== null) return found;
  const typed = (await terminal.askSecret?.('Your token, or the admin token (hidden): ')) ?? '';
  if (typed.trim() !== '') return typed.trim();
  throw new Misuse(`a token is needed: your own, or the gateway’s admin token. ${WAYS}.`);
}

function tokenIn(path: string, { env, err }: Terminal): string | null {
  const faults: string[] = [];
  const token = secretFrom(
    { env: { TOKEN_FILE: path }, readSecret: secretsOnDisk(env.CREDENTIALS_DIRECTORY) },
    'TOKEN',
    (_, message) => faults.push(`--token-file ${message}`),
    (_, message) => err(printed`warning: --token-file ${message}\n`),
  );
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return token;
}
