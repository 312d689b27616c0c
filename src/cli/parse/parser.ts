import { Argument, Command, type CommanderError } from 'commander';
import type { CommandEntry } from './command.ts';
import { didYouMean } from './did-you-mean.ts';
import { optionOf, refuseOthers, takeOptionsEarly } from './options.ts';

/** Columns of the narrowest summary that is broken into lines instead of running over. */
const NARROW = 16;
/** Columns below which the overview leaves out the commands within commands. */
const ROOMY = 76;

/** The entry of a command that can be run. */
export type FoundCommand = CommandEntry & { readonly load: NonNullable<CommandEntry['load']> };

/** What the parser is given from outside. */
export interface ParserSetting {
  readonly argv: readonly string[];
  /** Columns of help texts, at most. */
  readonly width: number;
  /** Takes help texts and the version. */
  readonly out: (text: string) => void;
  /** Called with the command that was found, and its values. */
  readonly run: (command: Command, found: FoundCommand, values: object) => Promise<void>;
  /** Called when commander is done without running a command: exit code 0 after help, else a usage error. Throws. */
  readonly end: (command: Command, error: CommanderError) => never;
}

/** Builds commander's parser of the program from the table of its commands. */
export function parserOf(
  program: { readonly name: string; readonly summary: string; readonly version: string },
  entries: readonly CommandEntry[],
  setting: ParserSetting,
): Command {
  const parser = settled(new Command(program.name), entries, setting)
    .description(program.summary)
    .version(program.version, '-V, --version', 'print the version')
    .usage('<command> [options]')
    .enablePositionalOptions()
    .addHelpText('after', `\nHelp for one command: ${program.name} <command> --help`);
  for (const entry of entries) parser.addCommand(commandOf(entry, setting, program.name));
  return parser;
}

/** `parent`: what is typed before its name. */
function commandOf(entry: CommandEntry, setting: ParserSetting, parent: string): Command {
  const path = `${parent} ${entry.name}`;
  const command = settled(new Command(entry.name), entry.commands, setting)
    .summary(entry.summary)
    .description(`${entry.summary.charAt(0).toUpperCase()}${entry.summary.slice(1)}.`);
  if (entry.notes.length > 0) {
    const notes = entry.notes.map((note) => command.createHelp().boxWrap(note, setting.width));
    command.addHelpText('after', `\n${notes.join('\n')}`);
  }
  addParameters(command, entry, setting, path);
  const { load } = entry;
  if (load === null) command.usage('<command> [options]');
  else command.action(() => setting.run(command, { ...entry, load }, valuesOf(entry, command)));
  if (entry.commands.length > 0) {
    command.enablePositionalOptions();
    takeOptionsEarly(command, entry.commands, setting.argv);
    for (const inner of entry.commands) command.addCommand(commandOf(inner, setting, path));
  }
  return command;
}

/** What is the same for every command. Commander neither writes errors nor ends the process. */
function settled(command: Command, inner: readonly CommandEntry[], { out, end, width }: ParserSetting): Command {
  const terms = new Map(inner.map((entry) => [entry.name, width < ROOMY ? entry.name : termOf(entry)]));
  return command
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .configureHelp({ subcommandTerm: (each) => terms.get(each.name()) ?? each.name(), minWidthToWrap: NARROW })
    .configureOutput({
      writeOut: out,
      writeErr: () => undefined,
      outputError: () => undefined,
      getOutHelpWidth: () => width,
      getOutHasColors: () => false,
    })
    .exitOverride((error) => {
      // Where a command has commands in it, a word too many is one of them that does not exist.
      if (error.code === 'commander.excessArguments') {
        const word = command.args.find((arg) => !arg.startsWith('-')) ?? '';
        error.message += didYouMean(
          word,
          inner.map((entry) => entry.name),
        );
      }
      return end(command, error);
    });
}

function addParameters(command: Command, { takes }: CommandEntry, { argv, width }: ParserSetting, path: string): void {
  const required: string[] = [];
  const operands: string[] = [];
  for (const [name, parameter] of Object.entries(takes)) {
    if (parameter.kind === 'operand') {
      operands.push(parameter.placeholder);
      const argument = new Argument(parameter.placeholder, parameter.summary);
      const { choices } = parameter;
      if (choices !== undefined) {
        argument.argParser((value: string) => {
          refuseOthers(command, `<${name}>`, value, choices);
          return value;
        });
      }
      command.addArgument(argument);
      continue;
    }
    const option = optionOf(command, name, parameter, argv)
      .makeOptionMandatory(parameter.required)
      .hideHelp(parameter.hidden ?? false)
      .conflicts(parameter.excludes ?? []);
    if (parameter.required) required.push(option.flags);
    command.addOption(option);
  }
  const parts = [...required, '[options]', ...operands];
  const fits = `Usage: ${path} ${parts.join(' ')}`.length <= width;
  command.usage(parts.join(fits ? ' ' : BROKEN));
}

/** Between the parts of a usage line that does not fit. */
const BROKEN = '\n         ';

function valuesOf({ takes }: CommandEntry, command: Command): object {
  const operands = [...command.processedArgs];
  const values = Object.entries(takes).map(([name, parameter]) => {
    const given: unknown = parameter.kind === 'operand' ? operands.shift() : givenOption(command, name);
    return [name, parameter.read(given)];
  });
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

/** Commander takes `--no-start` for the opposite of `--start`, which it then has with the value true. */
function givenOption(command: Command, name: string): unknown {
  const opposite = /^no([A-Z])(.*)$/.exec(name);
  if (opposite === null) return command.getOptionValue(name);
  return command.getOptionValue(`${opposite[1]!.toLowerCase()}${opposite[2]}`) === false;
}

/** A command in the list of its parent: `policy check|explain|test`, `doctor [slack]`, `backup <target>`. */
function termOf({ name, takes, commands, load }: CommandEntry): string {
  const inner = commands.map((each) => each.name).join('|');
  const operands = Object.values(takes).flatMap(({ kind, placeholder }) => (kind === 'operand' ? [placeholder] : []));
  return [name, load === null || inner === '' ? inner : `[${inner}]`, ...operands].join(' ').replace(/ +/g, ' ').trim();
}
