import { mayBeTransport } from '../call/transport.ts';
import { isObject, type Json } from '../json/json.ts';
import { REDACTED } from '../json/redact.ts';
import type { Path } from '../policy/path.ts';
import type { KeptCall, KnownCall } from './known-call.ts';

/** Why nobody can tell what a condition would have answered. */
export const UNKNOWNS = ['arguments', 'hidden', 'earlier'] as const;
export type Unknown = (typeof UNKNOWNS)[number];

/** Text that is not as it was sent: a hidden value is in it, or quotes were put around it because it looks like one. */
const NOT_AS_SENT = /redacted|^"+.*"+$/isu;

/** Why what stands at this path of a call is not known as it was sent; null: it is known. */
export function unknownAt({ kept }: Pick<KnownCall, 'kept'>, path: Path): Unknown | null {
  if (kept === null) return 'arguments';
  const [first] = path.steps;
  // What only says how the answer travels is not kept; whether it was there, nobody knows.
  if (path.root !== 'args' && (first?.kind !== 'member' || mayBeTransport(path.root, first.name))) return 'arguments';
  let here: readonly (Json | undefined)[] = [rootOf(kept, path)];
  for (const step of path.steps) {
    if (here.some((value) => typeof value === 'string' && isNotAsSent(value))) return 'hidden';
    if (step.kind === 'each') here = here.flatMap((value) => valuesOf(value));
    else {
      // A member that is missing under its own name may be one whose name is hidden.
      if (here.some((value) => !has(value, step.name) && namesHide(value))) return 'hidden';
      here = here.map((value) => (has(value, step.name) ? (value as Record<string, Json>)[step.name] : undefined));
    }
  }
  return here.some((value) => value !== undefined && holdsHidden(value)) ? 'hidden' : null;
}

/** Whether something in this value is not as it was sent. */
export function holdsHidden(value: Json): boolean {
  const rest: Json[] = [value];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (typeof next === 'string' && isNotAsSent(next)) return true;
    if (typeof next !== 'object' || next === null) continue;
    if (namesHide(next)) return true;
    for (const inner of Object.values(next)) rest.push(inner as Json);
  }
  return false;
}

function isNotAsSent(text: string): boolean {
  return text.includes(REDACTED) || (text.length <= LONGEST_QUOTED && NOT_AS_SENT.test(text));
}

/** No longer text is put in quotes. */
const LONGEST_QUOTED = 2_000;

function rootOf({ arguments: args, sent }: KeptCall, { root }: Path): Json {
  return root === 'args' ? args : root === 'params' ? sent.params : sent.meta;
}

function valuesOf(value: Json | undefined): readonly (Json | undefined)[] {
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.values(value) : [undefined];
}

function has(value: Json | undefined, name: string): boolean {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return false;
  return !Array.isArray(value) || /^\d+$/.test(name);
}

function namesHide(value: Json | undefined): boolean {
  return isObject(value) && Object.keys(value).some((name) => name.includes(REDACTED));
}
