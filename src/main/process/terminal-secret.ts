import { secretFrom } from '../../config/secret-from.ts';
import { printed } from '../../text/printed.ts';
import { folderOfSecrets } from './folder-of-secrets.ts';
import { secretsOnDisk } from './secret-file.ts';
import type { Terminal } from './terminal.ts';

/**
 * A secret that a command needs by itself: the variable, the file that `NAME_FILE` names, or the file `NAME` in the folder
 * that the config here names under `secrets`; null when there is none of them. `ownOnly`: that folder counts only where it
 * lies beside its config, so that a folder that somebody else prepared cannot have a secret from elsewhere sent.
 * Throws with what is wrong with it. A warning goes to standard error.
 */
export function terminalSecret(
  terminal: Pick<Terminal, 'env' | 'err' | 'cwd'>,
  name: string,
  ownOnly = false,
): string | null {
  const { env, err } = terminal;
  const found = folderOfSecrets(terminal, name);
  const folder = found === null || (ownOnly && !found.own) ? null : found.path;
  const faults: string[] = [];
  const value = secretFrom(
    { env, readSecret: secretsOnDisk(env.CREDENTIALS_DIRECTORY), folder },
    name,
    (variable, message, expected) => faults.push(`${variable} ${message} (expected ${expected})`),
    (variable, message, expected) => err(printed`warning: ${variable} ${message} (expected ${expected})\n`),
  );
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return value;
}
