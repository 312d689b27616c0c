import { type Command, Option } from 'commander';
import type { CommandEntry, Parameter } from './command.ts';
import { didYouMean } from './did-you-mean.ts';

/** The option that a command takes under this name, as commander knows it. */
export function optionOf(
  command: Command,
  name: string,
  { kind, placeholder, summary, standard, choices }: Parameter,
  argv: readonly string[],
): Option {
  const long = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const help = standard === undefined ? summary : `${summary} (default: ${standard})`;
  const option = new Option(`${long} ${placeholder}`.trimEnd(), help);
  if (kind === 'flag') return option;
  return option.argParser((value: string, earlier: unknown) => {
    // In `--url --json` the URL was forgotten; `--url=--json` means it.
    const isOption = value === '-h' || value === '--help' || command.options.some(({ long }) => long === value);
    if (isOption && !argv.includes(`${long}=${value}`)) {
      command.error(`error: option '${option.flags}' argument missing`);
    }
    if (choices !== undefined) refuseOthers(command, `option '${option.flags}'`, value, choices);
    return kind === 'list' ? [...(Array.isArray(earlier) ? earlier : []), value] : value;
  });
}

/** Ends in a usage error where one of these values, separated by commas, is none that there is. */
export function refuseOthers(command: Command, of: string, given: string, choices: readonly string[]): void {
  const wrong = given.split(',').find((value) => !choices.includes(value));
  if (wrong === undefined) return;
  const guess = didYouMean(wrong, choices);
  const shown = JSON.stringify(wrong.slice(0, LONGEST_SHOWN));
  command.error(`error: ${of} takes ${choices.join(', ')}, not ${shown}${guess}`);
}

/** Characters of a wrong value that are repeated. */
const LONGEST_SHOWN = 60;

/** Lets the options of these commands stand before their name too: `audit --json list`. */
export function takeOptionsEarly(parent: Command, entries: readonly CommandEntry[], argv: readonly string[]): void {
  const taken = new Set(parent.options.map((option) => option.attributeName()));
  for (const [name, parameter] of entries.flatMap(({ takes }) => Object.entries(takes))) {
    if (parameter.kind === 'operand' || taken.has(name)) continue;
    taken.add(name);
    parent.addOption(optionOf(parent, name, parameter, argv).hideHelp());
  }
  parent.hook('preSubcommand', (_, command) => {
    for (const option of parent.options) {
      const name = option.attributeName();
      if (parent.getOptionValueSource(name) !== 'cli') continue;
      if (command.options.some((other) => other.attributeName() === name)) {
        command.setOptionValueWithSource(name, parent.getOptionValue(name), 'cli');
      } else command.error(`error: unknown option '${option.long}'`);
    }
  });
}
