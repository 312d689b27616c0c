import type { Json, JsonObject } from '../json/json.ts';
import { REDACTED } from '../json/redact.ts';
import type { KnownCall } from './known-call.ts';
import { holdsHidden } from './unknown-places.ts';

/** What was seen of one argument, over the calls of a tool whose arguments are known. */
export interface SeenArgument {
  /** The names that lead to it. */
  readonly steps: readonly string[];
  /** Calls that had it, null not counted. */
  readonly present: number;
  /** In some call it is hidden, or something in it is. */
  readonly hidden: boolean;
  readonly kinds: ReadonlySet<string>;
  /** Different texts, numbers or truth values; null: too many. */
  readonly values: ReadonlySet<string | number | boolean> | null;
  readonly least: number;
  readonly most: number;
  /** What all its texts begin with; null: none was text. */
  readonly prefix: string | null;
}

/** How one tool was used. */
export interface ToolUse {
  readonly tool: string;
  /** Calls that were let through, and those of which the arguments are known. */
  readonly calls: number;
  readonly known: number;
  readonly agents: ReadonlySet<string>;
  /** The most calls of one agent in one clock hour, and when that was. */
  readonly busiest: { readonly calls: number; readonly hour: Date };
  readonly arguments: readonly SeenArgument[];
  /** Arguments that are not looked at: too deep, too many, or with a name that cannot be written down. */
  readonly overlooked: number;
}

/** Tools, arguments of a tool, levels of an argument, and different values of one, that are looked at. */
const MOST_TOOLS = 500;
const MOST_ARGUMENTS = 40;
const DEEPEST = 3;
const MOST_DIFFERENT = 12;
const LONGEST_NAME = 64;
/** Names of a tool that are counted as overlooked: agents choose them. */
const MOST_OVERLOOKED = 1_000;
const HOUR_MS = 3_600_000;
/** Calls that are looked at in one step. */
const STEP = 200;

type Seen = { -readonly [K in keyof SeenArgument]: SeenArgument[K] } & {
  kinds: Set<string>;
  values: Set<string | number | boolean> | null;
};

interface Using {
  calls: number;
  known: number;
  readonly agents: Set<string>;
  readonly hours: Map<string, number>;
  busiest: { calls: number; hour: Date };
  readonly arguments: Map<string, Seen>;
  readonly overlooked: Set<string>;
}

/** How tools were used, by the calls of one server that were let through. Yields now and then. */
export function* usesOf(calls: readonly KnownCall[]): Generator<void, readonly ToolUse[]> {
  const uses = new Map<string, Using>();
  for (const [nth, call] of calls.entries()) {
    if (nth % STEP === STEP - 1) yield;
    if (call.passedAt === null) continue;
    const use = uses.get(call.tool) ?? (uses.size < MOST_TOOLS ? freshUse() : null);
    if (use === null) continue;
    uses.set(call.tool, use);
    note(use, call, call.passedAt);
  }
  return [...uses].map(([tool, { hours: _, overlooked, ...use }]) => ({
    ...use,
    tool,
    arguments: [...use.arguments.values()],
    overlooked: overlooked.size,
  }));
}

function freshUse(): Using {
  const busiest = { calls: 0, hour: new Date(0) };
  return {
    ...{ calls: 0, known: 0, agents: new Set<string>(), hours: new Map<string, number>(), busiest },
    arguments: new Map(),
    overlooked: new Set(),
  };
}

function note(use: Using, { grant, kept }: KnownCall, passedAt: Date): void {
  use.calls += 1;
  if (use.agents.size < 1_000) use.agents.add(grant);
  const hour = Math.floor(passedAt.getTime() / HOUR_MS);
  const key = `${hour} ${grant}`;
  const inHour = (use.hours.get(key) ?? 0) + 1;
  use.hours.set(key, inHour);
  if (inHour > use.busiest.calls) use.busiest = { calls: inHour, hour: new Date(hour * HOUR_MS) };
  if (kept === null) return;
  use.known += 1;
  look(use, kept.arguments, []);
}

/** `Object.entries` and maps only: a name such as `__proto__` is a name like any other. */
function look(use: Using, object: JsonObject, above: readonly string[]): void {
  for (const [name, value] of Object.entries(object)) {
    const steps = [...above, name];
    if (steps.length > DEEPEST || !isPlainName(name)) overlook(use, JSON.stringify(steps).slice(0, 200));
    else if (value !== null) see(use, steps, value);
  }
}

function overlook({ overlooked }: Using, name: string): void {
  if (overlooked.size < MOST_OVERLOOKED) overlooked.add(name);
}

function see(use: Using, steps: readonly string[], value: Json): void {
  const key = JSON.stringify(steps);
  const seen = use.arguments.get(key) ?? (use.arguments.size < MOST_ARGUMENTS ? freshArgument(steps) : null);
  if (seen === null) {
    overlook(use, key);
    return;
  }
  use.arguments.set(key, seen);
  seen.present += 1;
  if (holdsHidden(value)) {
    seen.hidden = true;
    return;
  }
  if (Array.isArray(value)) {
    seen.kinds.add('list');
    for (const item of value as readonly Json[]) {
      if (item === null || typeof item === 'object') seen.kinds.add('nested');
      else {
        seen.kinds.add(`${typeof item} in a list`);
        seeScalar(seen, item);
      }
    }
  } else if (typeof value === 'object' && value !== null) {
    seen.kinds.add('object');
    look(use, value as JsonObject, steps);
  } else if (value !== null) {
    seen.kinds.add(typeof value);
    seeScalar(seen, value);
  }
}

function seeScalar(seen: Seen, value: string | number | boolean): void {
  if (seen.values !== null) seen.values.add(value);
  if (seen.values !== null && seen.values.size > MOST_DIFFERENT) seen.values = null;
  if (typeof value === 'number') {
    if (value < seen.least) seen.least = value;
    if (value > seen.most) seen.most = value;
  }
  if (typeof value === 'string') seen.prefix = seen.prefix === null ? value : shared(seen.prefix, value);
}

function shared(one: string, other: string): string {
  let length = 0;
  while (length < one.length && length < other.length && one[length] === other[length]) length += 1;
  return one.slice(0, length);
}

function freshArgument(steps: readonly string[]): Seen {
  const empty = { present: 0, hidden: false, least: Number.POSITIVE_INFINITY, most: Number.NEGATIVE_INFINITY };
  return { steps, ...empty, kinds: new Set(), values: new Set(), prefix: null };
}

function isPlainName(name: string): boolean {
  return /^[^\p{C}\p{Z}]{1,64}$/u.test(name) && name.length <= LONGEST_NAME && !name.includes(REDACTED);
}
