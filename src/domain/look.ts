import { isObject, type Json, member } from './json.ts';
import { STRONG_DEEDS, WEAK_DEEDS } from './risk-words.ts';
import type { Tool } from './tool.ts';

/** Characters of a description that count: what a tool does stands at its beginning. */
export const READ_OF_DESCRIPTION = 240;

/** What is known of a tool while it is judged. */
export interface Look {
  /** Of its name, in lower case. */
  readonly words: readonly string[];
  /** The same with blanks between. */
  readonly spoken: string;
  readonly description: string;
  /** The verb that the description begins with. */
  readonly lead: string | null;
  /** Words of its arguments' names. */
  readonly args: ReadonlySet<string>;
  /** What an argument that chooses the deed may be. */
  readonly choices: readonly string[];
}

/** Takes apart what a server says of its tool. */
export function lookAt(tool: Tool): Look {
  const words = wordsOf(tool.name);
  // A character has two units at most: megabytes are not taken apart for what stands at their beginning.
  const beginning = [...tool.description.slice(0, 2 * READ_OF_DESCRIPTION)];
  const description = beginning.slice(0, READ_OF_DESCRIPTION).join('').toLowerCase();
  return {
    words,
    spoken: words.join(' '),
    description,
    lead: leadOf(description),
    ...argumentsOf(tool.inputSchema),
  };
}

/** `createAPIKey`, `create-api_key` → create, api, key. */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])(?=[A-Z][a-z])/g, '$1 ')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}

function argumentsOf(schema: Json): Pick<Look, 'args' | 'choices'> {
  const properties = member(schema, 'properties');
  const args = new Set<string>();
  const choices: string[] = [];
  for (const [name, property] of isObject(properties) ? Object.entries(properties) : []) {
    for (const word of wordsOf(name)) args.add(word);
    const values = member(property, 'enum');
    if (!Array.isArray(values) || !wordsOf(name).some((word) => CHOOSING.has(word))) continue;
    for (const value of values as readonly Json[]) if (typeof value === 'string') choices.push(value.toLowerCase());
  }
  return { args, choices };
}

/** Arguments that say which of several deeds is meant. */
const CHOOSING = new Set(['operation', 'op', 'action', 'method', 'mode', 'verb', 'subcommand']);

/** The verb that a description begins with, without its ending: `Deletes a key` → delete. */
function leadOf(description: string): string | null {
  const plain = description.replace(/^[^a-z]*(?:[a-z ]{1,20}[:|]\W*)?/, '');
  const word = /^(?:permanently |recursively |immediately )?([a-z]+)/.exec(plain)?.[1];
  if (word === undefined) return null;
  const forms = [word, word.replace(/s$/, ''), word.replace(/es$/, ''), word.replace(/ies$/, 'y')];
  return forms.find((form) => STRONG_DEEDS.has(form) || WEAK_DEEDS.has(form)) ?? null;
}
