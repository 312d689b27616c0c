import type { Terminal } from '../../main/process/terminal.ts';
import { ownLines, printed } from '../../text/printed.ts';
import type { CommandEntry } from '../parse/command.ts';
import { bashScript } from './bash.ts';
import { fishScript } from './fish.ts';
import { wordsIn } from './words.ts';
import { zshScript } from './zsh.ts';

const SCRIPTS: Readonly<Record<string, typeof bashScript>> = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** `completion`: prints the script by which a shell completes these commands, their options and the options' values. */
export async function completionCommand(
  shell: string,
  commands: readonly CommandEntry[],
  terminal: Terminal,
): Promise<number> {
  const script = SCRIPTS[shell]!(wordsIn(commands));
  terminal.out(printed`${ownLines(script)}\n`);
  return 0;
}
