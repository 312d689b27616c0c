import { Argument, Command, type CommanderError } from 'commander';
import type { CommandEntry } from './command.ts';
import { optionOf, takeOptionsEarly } from './options.ts';

/** Columns of help texts, and of the narrowest summary that is broken into lines instead of running over. */
const WIDTH = 80;
const NARROW = 24;

/** The entry of a command that can be run. */
export type FoundCommand = CommandEntry & { readonly load: NonNullable<CommandEntry['load']> };

/** What the parser is given from outside. */
export interface ParserSetting {
  readonly argv: readonly string[];
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
  for (const entry of entries) parser.addCommand(commandOf(entry, setting));
  return parser;
}

function commandOf(entry: CommandEntry, setting: ParserSetting): Command {
  const command = settled(new Command(entry.name), entry.commands, setting)
    .summary(entry.summary)
    .description(`${entry.summary.charAt(0).toUpperCase()}${entry.summary.slice(1)}.`);
  if (entry.notes.length > 0) command.addHelpText('after', `\n${entry.notes.join('\n')}`);
  addParameters(command, entry, setting);
  const { load } = entry;
  if (load === null) command.usage('<command> [options]');
  else command.action(() => setting.run(command, { ...entry, load }, valuesOf(entry, command)));
  if (entry.commands.length > 0) {
    command.enablePositionalOptions();
    takeOptionsEarly(command, entry.commands, setting.argv);
    for (const inner of entry.commands) command.addCommand(commandOf(inner, setting));
  }
  return command;
}

/** What is the same for every command. Commander neither writes errors nor ends the process. */
function settled(command: Command, inner: readonly CommandEntry[], { out, end }: ParserSetting): Command {
  const terms = new Map(inner.map((entry) => [entry.name, termOf(entry)]));
  return command
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .configureHelp({ subcommandTerm: (each) => terms.get(each.name()) ?? each.name(), minWidthToWrap: NARROW })
    .configureOutput({
      writeOut: out,
      writeErr: () => undefined,
      outputError: () => undefined,
      getOutHelpWidth: () => WIDTH,
      getOutHasColors: () => false,
    })
    .exitOverride((error) => end(command, error));
}

function addParameters(command: Command, { takes }: CommandEntry, { argv }: ParserSetting): void {
  const required: string[] = [];
  const operands: string[] = [];
  for (const [name, parameter] of Object.entries(takes)) {
    if (parameter.kind === 'operand') {
      operands.push(parameter.placeholder);
      command.addArgument(new Argument(parameter.placeholder, parameter.summary));
      continue;
    }
    const option = optionOf(command, name, parameter, argv)
      .makeOptionMandatory(parameter.required)
      .hideHelp(parameter.hidden ?? false)
      .conflicts(parameter.excludes ?? []);
    if (parameter.required) required.push(option.flags);
    command.addOption(option);
  }
  command.usage([...required, '[options]', ...operands].join(' '));
}

function valuesOf({ takes }: CommandEntry, command: Command): object {
  const operands = [...command.processedArgs];
  const values = Object.entries(takes).map(([name, parameter]) => {
    const given: unknown = parameter.kind === 'operand' ? operands.shift() : command.getOptionValue(name);
    return [name, parameter.read(given)];
  });
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

/** A command in the list of its parent: `policy check|explain|test`, `doctor [slack]`, `backup <target>`. */
function termOf({ name, takes, commands, load }: CommandEntry): string {
  const inner = commands.map((each) => each.name).join('|');
  const operands = Object.values(takes).flatMap(({ kind, placeholder }) => (kind === 'operand' ? [placeholder] : []));
  return [name, load === null || inner === '' ? inner : `[${inner}]`, ...operands].join(' ').replace(/ +/g, ' ').trim();
}
