import type { Call } from '../call/call.ts';
import { isObject, type Json, type JsonObject, member } from '../json/json.ts';

/** Where a path begins: the arguments, the other members of `params`, or the members of `_meta`. */
export const PATH_ROOTS = ['args', 'params', 'meta'] as const;
export type PathRoot = (typeof PATH_ROOTS)[number];

/** What paths lead into. */
export type Reachable = Pick<Call, 'args' | 'params'>;

/** One step into a call: a member or index by name, or every one of them. */
export type Step = { readonly kind: 'member'; readonly name: string } | { readonly kind: 'each' };

/** A path into a call. */
export interface Path {
  readonly text: string;
  readonly root: PathRoot;
  readonly steps: readonly Step[];
  /** It has an `each` step, so it may lead to many values. */
  readonly many: boolean;
}

const ROOT = /^(?:args|params|meta)(?=[.[])/;
const STEP = /\.([^.[\]"*]+)|\.(\*)|\[(\d+)\]|\[(\*)\]|\["((?:[^"\\]|\\["\\])+)"\]/y;

/** Members of `params` that `params.` does not reach: what they hold has paths of its own, or is the tool's name. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  arguments: 'args., which leads into the arguments',
  _meta: 'meta., which leads into _meta',
  name: 'a rule under the name of the tool: params.name is that name',
};

/**
 * Parses `args.user.roles[0]`, `args.items[*].price`, `args["dotted.name"]`, `params.options.database`,
 * `meta["acme.com/tenant"]`. Null when the text is no such path.
 */
export function parsePath(text: string): Path | null {
  const root = ROOT.exec(text)?.[0] as PathRoot | undefined;
  if (root === undefined) return null;
  const steps: Step[] = [];
  STEP.lastIndex = root.length;
  while (STEP.lastIndex < text.length) {
    const found = STEP.exec(text);
    if (found === null) return null;
    const name = found[1] ?? found[3] ?? found[5]?.replace(/\\(["\\])/g, '$1');
    steps.push(name === undefined ? { kind: 'each' } : { kind: 'member', name });
  }
  const [first] = steps;
  if (first === undefined) return null;
  if (root === 'params' && first.kind === 'member' && Object.hasOwn(ELSEWHERE, first.name)) return null;
  return { text, root, steps, many: steps.some((step) => step.kind === 'each') };
}

/** What to write instead of a path that would reach the same thing by another name; null when there is no need. */
export function insteadOfPath(text: string): string | null {
  const first = /^params(?:\.(\w+)|\["(\w+)"\])/.exec(text);
  const name = first?.[1] ?? first?.[2];
  return name === undefined || !Object.hasOwn(ELSEWHERE, name) ? null : ELSEWHERE[name]!;
}

/** The one value at a path without `each`; undefined when it is absent. */
export function valueAt(call: Reachable, path: Path): Json | undefined {
  let here: Json | undefined = rootOf(call, path.root);
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
export function valuesAt(call: Reachable, path: Path): readonly (Json | undefined)[] {
  let here: (Json | undefined)[] = [rootOf(call, path.root)];
  for (const step of path.steps) {
    here = step.kind === 'member' ? here.map((value) => into(value, step.name)) : here.flatMap(spread);
  }
  return here;
}

function rootOf({ args, params }: Reachable, root: PathRoot): JsonObject {
  switch (root) {
    case 'args':
      return args;
    case 'params':
      return otherParams(params);
    case 'meta': {
      const meta = member(params, '_meta');
      return isObject(meta) ? meta : {};
    }
    default:
      return root satisfies never;
  }
}

/** The members of `params` that `params.` reaches. */
function otherParams(params: JsonObject): JsonObject {
  const others: Record<string, Json> = Object.create(null);
  for (const [name, value] of Object.entries(params)) if (!Object.hasOwn(ELSEWHERE, name)) others[name] = value;
  return others;
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
