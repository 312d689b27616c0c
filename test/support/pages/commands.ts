/** Commands of ours in the documents, and whether the program knows them. */
import { CommanderError } from 'commander';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { parserOf } from '../../../src/cli/parse/parser.ts';
import { type Block, proseOf } from './blocks.ts';

const OURS = /(?:npm run (?:-s )?holdfast --|npx holdfast|(?<![\w/.@:-])holdfast)(?= |$)/;

/** The command lines of a block, without comments; a line that goes on after a backslash is one. */
export function linesOf({ text }: Pick<Block, 'text'>): string[] {
  return text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.replace(/(?:^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');
}

/** The words after `holdfast` in a line of a shell; null: it runs none of our commands. */
export function wordsOfOurs(line: string): string[] | null {
  const found = OURS.exec(line);
  if (found === null) return null;
  const rest = line.slice(found.index + found[0].length).split(/ [>|] ?|\)|;|&&/)[0] ?? '';
  return [...rest.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain ?? '',
  );
}

/** Command lines of ours that stand within a page's text, as code. */
export function spokenOf(page: string): string[][] {
  return (
    [...proseOf(page).matchAll(/`((?:npm run (?:-s )?holdfast -- |npx holdfast |holdfast )[^`]+)`/g)]
      .map(([, line = '']) => line)
      // What stands for several commands, or for what its reader fills in, is no command line.
      .filter((line) => !/[…[\]]|\w\|\w|\s\|\s*--/.test(line.replaceAll('\\|', '|')))
      .map((line) => wordsOfOurs(line) ?? [])
  );
}

/** What is wrong with a command line; null: the program knows command, options and operands. `whole`: nothing may be missing. */
export async function misspelt(words: readonly string[], whole: boolean): Promise<string | null> {
  const parser = parserOf({ name: 'holdfast', summary: '', version: '0' }, COMMANDS, {
    argv: words,
    width: 80,
    out: () => undefined,
    run: async () => undefined,
    end: (_, error) => {
      throw error;
    },
  });
  try {
    await parser.parseAsync([...words], { from: 'user' });
    return null;
  } catch (error) {
    if (!(error instanceof CommanderError)) return String(error instanceof Error ? error.message : error);
    const missing = [
      'commander.missingMandatoryOptionValue',
      'commander.missingArgument',
      'commander.optionMissingArgument',
      'commander.help',
    ];
    if (error.exitCode === 0 || (!whole && missing.includes(error.code))) return null;
    return error.message;
  }
}
