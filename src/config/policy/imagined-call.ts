import type { Call, Principal } from '../../domain/call/call.ts';
import { ALL_EXACT, type InexactValues, inexactNumber, MOST_INEXACT } from '../../domain/call/inexact.ts';
import { isObject, type JsonObject } from '../../domain/json/json.ts';
import { PATH_ROOTS, type PathRoot } from '../../domain/policy/path.ts';
import { readJson } from '../document/json.ts';
import type { InexactPlace } from '../document/reading.ts';

/** A call that is not made, in the parts by which paths of a policy name them. */
export interface ImaginedParts {
  readonly principal: Principal;
  readonly server: string;
  readonly tool: string;
  readonly args: JsonObject;
  /** Members of `params` beside `name`, `arguments` and `_meta`. */
  readonly params: JsonObject;
  /** Members of `_meta`. */
  readonly meta: JsonObject;
}

/** The call that an agent would make of these parts, in no session. */
export function imaginedCall({ principal, server, tool, args, params, meta }: ImaginedParts): Call {
  const whole = { ...params, name: tool, arguments: args, _meta: meta };
  return { principal, server, tool, args, session: null, params: whole };
}

const WHERE: Readonly<Record<PathRoot, readonly string[]>> = {
  args: ['params', 'arguments'],
  params: ['params'],
  meta: ['params', '_meta'],
};

/** The values of an imagined call that are not exactly what is written. A place's path begins below its part. */
export function imaginedInexact(found: readonly (InexactPlace & { readonly part: PathRoot })[]): InexactValues {
  if (found.length === 0) return ALL_EXACT;
  const list = found.slice(0, MOST_INEXACT).map(({ part, path, written }) => {
    const steps = [...WHERE[part], ...path.map(String)];
    const pointer = steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
    return { kind: written === null ? ('text' as const) : inexactNumber(written), pointer, steps };
  });
  return { list, more: found.length > MOST_INEXACT };
}

/** The parts of an imagined call as they were written. */
export type ReadParts =
  | { readonly ok: true; readonly parts: Readonly<Record<PathRoot, JsonObject>>; readonly inexact: InexactValues }
  /** `given`: the member of `params` that is given apart from it. */
  | { readonly ok: false; readonly part: PathRoot; readonly fault: string; readonly given: Apart | null };

const APART = ['arguments', '_meta', 'name'] as const;
type Apart = (typeof APART)[number];

/** Reads the parts of an imagined call from JSON texts; an absent one is empty. Stops at the first fault. */
export function readParts(texts: Readonly<Partial<Record<PathRoot, string>>>): ReadParts {
  const parts = {} as Record<PathRoot, JsonObject>;
  const places: (InexactPlace & { readonly part: PathRoot })[] = [];
  for (const part of PATH_ROOTS) {
    const read = readJson(texts[part] ?? '{}');
    if (!read.ok) return { ok: false, part, fault: read.problems[0]!.message, given: null };
    const { value } = read;
    if (!isObject(value)) return { ok: false, part, fault: 'must be a JSON object', given: null };
    const given = part === 'params' ? APART.find((name) => Object.hasOwn(value, name)) : undefined;
    if (given !== undefined) return { ok: false, part, fault: `${given} is given apart from the other params`, given };
    parts[part] = value;
    places.push(...read.inexact.map((place) => ({ ...place, part })));
  }
  return { ok: true, parts, inexact: imaginedInexact(places) };
}
