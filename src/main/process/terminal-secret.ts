import { secretFrom } from '../../config/secret-from.ts';
import { printed } from '../../text/printed.ts';
import { secretsOnDisk } from './secret-file.ts';
import type { Terminal } from './terminal.ts';

/**
 * A secret that a command needs by itself: the variable, or the file that `NAME_FILE` names; null when neither is set.
 * Throws with what is wrong with it. A warning goes to standard error.
 */
export function terminalSecret({ env, err }: Pick<Terminal, 'env' | 'err'>, name: string): string | null {
  const faults: string[] = [];
  const value = secretFrom(
    { env, readSecret: secretsOnDisk(env.CREDENTIALS_DIRECTORY) },
    name,
    (variable, message, expected) => faults.push(`${variable} ${message} (expected ${expected})`),
    (variable, message, expected) => err(printed`warning: ${variable} ${message} (expected ${expected})\n`),
  );
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return value;
}
