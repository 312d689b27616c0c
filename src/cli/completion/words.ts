import type { CommandEntry } from '../parse/command.ts';

/** A word that may follow, and what it is for. */
export interface CompletedWord {
  readonly word: string;
  readonly summary: string;
}

/** An option as it is completed. */
export interface CompletedOption extends CompletedWord {
  /** What its value is: `none` for a flag, one of `choices`, a file or folder, or `any`. */
  readonly value: 'none' | 'file' | 'any' | readonly string[];
}

/** What may follow after a command. */
export interface CompletedCommand {
  /** `policy check`; empty: the program itself. */
  readonly path: string;
  readonly commands: readonly CompletedWord[];
  readonly options: readonly CompletedOption[];
  /** What its operands are. */
  readonly operands: CompletedOption['value'];
}

/** What may follow after each command of the table, the program itself first. */
export function wordsIn(entries: readonly CommandEntry[]): readonly CompletedCommand[] {
  const version: CompletedOption = { word: '--version', summary: 'print the version', value: 'none' };
  const program = { path: '', commands: entries.map(wordOf), options: [version, HELP], operands: 'none' } as const;
  return [program, ...entries.flatMap((entry) => below(entry, ''))];
}

const HELP: CompletedOption = { word: '--help', summary: 'print help', value: 'none' };

function below(entry: CommandEntry, parent: string): CompletedCommand[] {
  const path = `${parent} ${entry.name}`.trim();
  const parameters = Object.entries(entry.takes).filter(([, { hidden }]) => hidden !== true);
  const options = parameters.filter(([, { kind }]) => kind !== 'operand');
  const operand = parameters.find(([, { kind }]) => kind === 'operand')?.[1];
  return [
    {
      path,
      commands: entry.commands.map(wordOf),
      options: [
        ...options.map(([name, { kind, placeholder, summary, choices }]) => ({
          word: `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
          summary,
          value: kind === 'flag' ? ('none' as const) : takenBy(placeholder, choices),
        })),
        HELP,
      ],
      operands: operand === undefined ? 'none' : takenBy(operand.placeholder, operand.choices),
    },
    ...entry.commands.flatMap((inner) => below(inner, path)),
  ];
}

function wordOf({ name, summary }: CommandEntry): CompletedWord {
  return { word: name, summary };
}

function takenBy(placeholder: string, choices: readonly string[] | undefined): CompletedOption['value'] {
  return choices ?? (/file|dir|target/.test(placeholder) ? 'file' : 'any');
}
