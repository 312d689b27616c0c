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

/** Why a member of `_meta` is no matter of policy: it is not forwarded as the agent wrote it, or its number may be inexact. */
function unreachedMeta(name: string): string | null {
  if (name === 'progressToken') return 'another path: progressToken only says where progress goes, and decides nothing';
  if (!name.startsWith('holdfast/')) return null;
  return "another path: members holdfast/… are the agent's word to the approver, and never forwarded of a gated call";
}

/** What to say of a member that no path leads to, because it has another path or is no matter of policy; else null. */
function unreached(root: PathRoot, name: string): string | null {
  switch (root) {
    case 'args':
      return null;
    case 'params':
      return Object.hasOwn(ELSEWHERE, name) ? ELSEWHERE[name]! : null;
    case 'meta':
      return unreachedMeta(name);
    default:
      return root satisfies never;
  }
}

/**
 * Parses `args.user.roles[0]`, `args.items[*].price`, `args["dotted.name"]`, `params.options.database`,
 * `meta["acme.com/tenant"]`. Null when the text is no such path.
 */
export function parsePath(text: string): Path | null {
  const root = ROOT.exec(text)?.[0] as PathRoot | undefined;
  if (root === undefined) return null;
  const steps: Step[] = [];
  for (let at = root.length; at < text.length; at = STEP.lastIndex) {
    const step = stepAt(text, at);
    if (step === null) return null;
    steps.push(step);
  }
  const [first] = steps;
  if (first === undefined || (first.kind === 'member' && unreached(root, first.name) !== null)) return null;
  return { text, root, steps, many: steps.some((step) => step.kind === 'each') };
}

/** The step that is written at this place; STEP then stands behind it. */
function stepAt(text: string, at: number): Step | null {
  STEP.lastIndex = at;
  const found = STEP.exec(text);
  if (found === null) return null;
  const name = found[1] ?? found[3] ?? found[5]?.replace(/\\(["\\])/g, '$1');
  return name === undefined ? { kind: 'each' } : { kind: 'member', name };
}

/** What to write instead of a path that no policy may have, and why; null when nothing speaks against it. */
export function insteadOfPath(text: string): string | null {
  const root = ROOT.exec(text)?.[0] as PathRoot | undefined;
  const first = root === undefined ? null : stepAt(text, root.length);
  return root === undefined || first?.kind !== 'member' ? null : unreached(root, first.name);
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
      return reached('params', params);
    case 'meta': {
      const meta = member(params, '_meta');
      return isObject(meta) ? reached('meta', meta) : {};
    }
    default:
      return root satisfies never;
  }
}

/** The members that paths from a root reach, `[*]` too. */
function reached(root: PathRoot, members: JsonObject): JsonObject {
  const others: Record<string, Json> = Object.create(null);
  for (const [name, value] of Object.entries(members)) if (unreached(root, name) === null) others[name] = value;
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
