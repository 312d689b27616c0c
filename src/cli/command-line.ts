import { type Command, CommanderError } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import type { Terminal } from '../main/process/terminal.ts';
import { ownLines, type Printed, printed, theirLines } from '../text/printed.ts';
import { COMMANDS } from './commands.ts';
import type { CommandEntry } from './parse/command.ts';
import { Misuse } from './parse/misuse.ts';
import { parserOf } from './parse/parser.ts';

const PROGRAM = {
  name: 'holdfast',
  summary: "Holds an AI agent's dangerous tool calls until a person approves them.",
  version: manifest.version,
};

/**
 * Runs one command line and resolves to the exit code: 0 done, 1 failed, 2 misused, or what the command says. Writes to
 * the terminal only, and never ends the process.
 */
export async function runCommandLine(argv: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode = 0;
  /** The command that a usage error is about. */
  let current: Command | null = null;
  const program = parserOf(PROGRAM, COMMANDS, {
    argv,
    width: helpWidth(terminal),
    out: (text) => terminal.out(ownLines(text)),
    run: async (command, { load, startsServers = false, printsData = false }, values) => {
      current = command;
      if (startsServers) shed(terminal);
      const call = await load();
      const done = call(values as never, terminal);
      exitCode = await (printsData ? untilNobodyReads(done, terminal) : done);
    },
    end: (command, error) => {
      if (error.exitCode === 0) throw error;
      current = command;
      throw new Misuse(error.code === 'commander.help' ? chooseOne(command) : error.message.replace(/^error: /, ''));
    },
  });
  try {
    await program.parseAsync(wordsOf(argv), { from: 'user' });
    return exitCode;
  } catch (error) {
    // Help or the version was asked for, and printed.
    if (error instanceof CommanderError) return error.exitCode;
    if (error instanceof Misuse) {
      terminal.err(misuseText(current ?? program, error.message));
      return 2;
    }
    terminal.err(printed`${PROGRAM.name}: ${theirLines(error instanceof Error ? error.message : String(error))}\n`);
    return 1;
  }
}

/** Columns of help: those of the screen, and 80 at most and where there is none. */
function helpWidth({ columns = WIDEST }: Terminal): number {
  return Math.max(NARROWEST, Math.min(WIDEST, columns));
}

const WIDEST = 80;
const NARROWEST = 60;

/** The exit code of a command that only prints: 0, and no word, once whoever read it went away (`| head -1`). */
function untilNobodyReads(done: Promise<number>, { readerGone }: Terminal): Promise<number> {
  return readerGone === undefined ? done : Promise.race([done, readerGone.then(() => 0)]);
}

/**
 * `help X Y` means `X Y --help`, and no words at all ask for help too. Cut after a command that does not exist:
 * commander would answer `X --help` with the help of the whole program.
 */
function wordsOf(argv: readonly string[]): string[] {
  const [first, ...rest] = argv;
  const words = first === undefined || first === 'help' ? [...rest, '--help'] : [...argv];
  let at: Pick<CommandEntry, 'commands' | 'load'> = { commands: COMMANDS, load: null };
  for (const [index, word] of words.entries()) {
    if (word.startsWith('-') || at.commands.length === 0) break;
    const entry = at.commands.find(({ name }) => name === word);
    if (entry === undefined) return at.load === null ? words.slice(0, index + 1) : words;
    at = entry;
  }
  return words;
}

/** Does not return where this process has to be started again; it then comes here once more. */
function shed(terminal: Terminal): void {
  const warning = terminal.shedEnvironment?.() ?? null;
  if (warning !== null) terminal.err(printed`warning: ${warning}\n`);
}

function chooseOne(command: Command): string {
  const names = command.commands.map((each) => each.name());
  const last = names.pop();
  return `say what to do: ${names.length === 0 ? last : `${names.join(', ')} or ${last}`}`;
}

function misuseText(command: Command, why: string): Printed {
  const usage = command.createHelp().commandUsage(command);
  const path = usage.slice(0, usage.length - command.usage().length).trimEnd();
  return printed`${path}: ${misuseLines(why)}\n\nUsage: ${usage}\nHelp:  ${path} --help\n`;
}

/** What is wrong, with the parser's own guess on a line of its own. */
function misuseLines(why: string): Printed {
  const guess = /\n(\(Did you mean [^\n]+\?\))$/.exec(why);
  return guess === null ? theirLines(why) : printed`${theirLines(why.slice(0, guess.index))}\n${guess[1]!}`;
}
