import { isObject, type Json, type JsonObject } from '../json/json.ts';

/** One step into the arguments: a member or index by name, or every one of them. */
export type Step = { readonly kind: 'member'; readonly name: string } | { readonly kind: 'each' };

/** A path into a call's arguments. */
export interface Path {
  readonly text: string;
  readonly steps: readonly Step[];
  /** It has an `each` step, so it may lead to many values. */
  readonly many: boolean;
}

const STEP = /\.([^.[\]"*]+)|\.(\*)|\[(\d+)\]|\[(\*)\]|\["((?:[^"\\]|\\["\\])+)"\]/y;

/** Parses `args.user.roles[0]`, `args.items[*].price`, `args["dotted.name"]`. Null when the text is no such path. */
export function parsePath(text: string): Path | null {
  if (!text.startsWith('args')) return null;
  const steps: Step[] = [];
  STEP.lastIndex = 4;
  while (STEP.lastIndex < text.length) {
    const found = STEP.exec(text);
    if (found === null) return null;
    const name = found[1] ?? found[3] ?? found[5]?.replace(/\\(["\\])/g, '$1');
    steps.push(name === undefined ? { kind: 'each' } : { kind: 'member', name });
  }
  if (steps.length === 0) return null;
  return { text, steps, many: steps.some((step) => step.kind === 'each') };
}

/** The one value at a path without `each`; undefined when it is absent. */
export function valueAt(args: JsonObject, path: Path): Json | undefined {
  let here: Json | undefined = args;
  for (const step of path.steps) {
    if (step.kind === 'each') return undefined;
    here = into(here, step.name);
    if (here === undefined) return undefined;
  }
  return here;
}

/**
 * Every value at a path. A step that leads nowhere gives one `undefined`; an empty list or object under `each` gives
 * no values at all.
 */
export function valuesAt(args: JsonObject, path: Path): readonly (Json | undefined)[] {
  let here: (Json | undefined)[] = [args];
  for (const step of path.steps) {
    here = step.kind === 'member' ? here.map((value) => into(value, step.name)) : here.flatMap(spread);
  }
  return here;
}

function spread(value: Json | undefined): (Json | undefined)[] {
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.values(value) : [undefined];
}

/** Own members and indexes only: inherited properties are not arguments. */
function into(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  if (Array.isArray(value)) return /^\d+$/.test(name) ? value[Number(name)] : undefined;
  return (value as JsonObject)[name];
}

/** A path in the form that redaction takes: names, with `*` for each. */
export function segments(path: Path): readonly string[] {
  return path.steps.map((step) => (step.kind === 'each' ? '*' : step.name));
}
