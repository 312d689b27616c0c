import { isObject, type Json, member } from '../json/json.ts';
import { STRONG_VERBS, WEAK_VERBS } from './risk-words.ts';
import type { Tool } from './tool.ts';

/** How many characters of a description are read: it says first what the tool does. */
export const DESCRIPTION_READ = 240;

/** What classification looks at: a tool's name, description and schema, taken apart. */
export interface ToolFeatures {
  /** The words of its name, in lower case. */
  readonly words: readonly string[];
  /** The same words, joined by spaces. */
  readonly spoken: string;
  /** The beginning of its description, in lower case. */
  readonly description: string;
  /** The verb that the description begins with. */
  readonly lead: string | null;
  /** Words of its arguments' names. */
  readonly args: ReadonlySet<string>;
  /** Values of an argument that selects what the tool does. */
  readonly choices: readonly string[];
}

/** Takes apart what a server says about its tool. */
export function featuresOf(tool: Tool): ToolFeatures {
  const words = wordsOf(tool.name);
  // A character is at most two UTF-16 units; a description may be megabytes long.
  const beginning = [...tool.description.slice(0, 2 * DESCRIPTION_READ)];
  const description = beginning.slice(0, DESCRIPTION_READ).join('').toLowerCase();
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

function argumentsOf(schema: Json): Pick<ToolFeatures, 'args' | 'choices'> {
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

/** Names of arguments that select one of several operations. */
const CHOOSING = new Set(['operation', 'op', 'action', 'method', 'mode', 'verb', 'subcommand']);

/** The verb that a description begins with, without its ending: `Deletes a key` → delete. */
function leadOf(description: string): string | null {
  const plain = description.replace(/^[^a-z]*(?:[a-z ]{1,20}[:|]\W*)?/, '');
  const word = /^(?:permanently |recursively |immediately )?([a-z]+)/.exec(plain)?.[1];
  if (word === undefined) return null;
  const forms = [word, word.replace(/s$/, ''), word.replace(/es$/, ''), word.replace(/ies$/, 'y')];
  return forms.find((form) => STRONG_VERBS.has(form) || WEAK_VERBS.has(form)) ?? null;
}
