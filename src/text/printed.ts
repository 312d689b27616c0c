import { asciiOnly, leftToRight, visible } from './visible.ts';

/** What may stand in a printed text beside our own words: what was printed already, or anybody's text or number. */
export type Printable = Printed | string | number;

/**
 * A text for a terminal. Our own words and line breaks stand as they are; what others wrote (evidence, servers, agents,
 * files, the command line) has everything that controls, hides or reorders shown as an escape such as `\u001b`, its
 * line breaks too, so that it can neither move the cursor nor pass for a line of ours. Commands can print nothing else.
 */
export class Printed {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** As in `printed`. */
  static of(words: TemplateStringsArray, ...values: readonly Printable[]): Printed {
    let text = words[0] ?? '';
    for (const [index, value] of values.entries()) {
      text += (value instanceof Printed ? value.#text : visible(String(value))) + (words[index + 1] ?? '');
    }
    return new Printed(text);
  }

  static joined(parts: readonly Printable[], separator: string): Printed {
    return new Printed(parts.map((part) => Printed.of`${part}`.#text).join(separator));
  }

  /** In colour: the only escapes that a `Printed` holds, none of them from anybody's text. */
  static inked(text: Printable, ink: Ink): Printed {
    return new Printed(`\u001b[${INKS[ink]}m${Printed.of`${text}`.#text}\u001b[0m`);
  }

  /** The text itself. Throws where a terminal was handed something else in spite of its type. */
  static textOf(text: Printed): string {
    return text.#text;
  }

  toString(): string {
    return this.#text;
  }
}

/** Our own words with others' values in them: `` printed`${id} is now ${state}.\n` ``. */
export const printed = Printed.of;

/** These one after the other, with our own separator between them. */
export const joined = Printed.joined;

const INKS = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Ink = keyof typeof INKS;

/** The text in this colour where the terminal shows colours, else as it is. */
export function inkedFor({ colour = false }: { readonly colour?: boolean }, ink: Ink, text: Printable): Printed {
  return colour ? Printed.inked(text, ink) : printed`${text}`;
}

/** A cell of a table: blanks follow until it is so many characters wide. */
export function padded(text: Printable, width: number): Printed {
  const cell = printed`${text}`;
  return joined([cell, ' '.repeat(Math.max(0, width - widthOf(cell)))], '');
}

/** Characters that it takes on a terminal, roughly. */
export function widthOf(text: Printable): number {
  return Printed.textOf(printed`${text}`).replaceAll(/\u001b\[\d+m/g, '').length;
}

/** Lines that we wrote ourselves, such as help: their breaks stay, anything else that is not ink is escaped. */
export function ownLines(text: string): Printed {
  return joined(text.split('\n'), '\n');
}

/** Somebody's text of several lines. Those after the first are indented, so that none passes for a line of ours. */
export function theirLines(text: string): Printed {
  const [first = '', ...more] = text.trimEnd().split('\n');
  return joined([first, ...more.map((line) => (line.startsWith('  ') ? line : `  ${line}`))], '\n');
}

/**
 * JSON for terminals and programs: what controls, hides or reorders is escaped as JSON escapes it, so that it parses to
 * the same value. `indent`: blanks a level; without it, one line.
 */
export function printedJson(value: unknown, indent?: number): Printed {
  // Line breaks of the layout stay; those in texts are escaped already.
  return ownLines(JSON.stringify(value, null, indent));
}

/** The name of a tool, in which other letters than ASCII could pass for them. */
export function printedTool(name: string): Printed {
  return printed`${asciiOnly(name)}`;
}

/** A name to the left of its value: no letter of it can change places with that. */
export function printedName(name: string): Printed {
  return printed`${leftToRight(name)}`;
}
