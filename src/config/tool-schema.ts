import { z } from 'zod';
import type { ArgumentFault } from '../domain/approval/argument-fault.ts';
import type { Json, JsonObject } from '../domain/json/json.ts';
import { memberPath } from '../domain/json/member-path.ts';
import { plainSchema } from '../domain/tool/plain-schema.ts';
import { cut } from '../text/cut.ts';

/** Faults that are told, and UTF-16 units of each and of its path. */
const MOST_FAULTS = 20;
const LONGEST = 200;

/** Values times alternatives that each may be compared with; some microseconds each, while nobody else has a turn. */
const MOST_STEPS = 100_000;
const ALTERNATIVES = ['anyOf', 'oneOf', 'allOf', 'type'];

/**
 * What a tool's input schema says against these arguments; null: the schema cannot be read, or
 * would be read for too long, so nobody can say. Types,
 * values, bounds and required members are checked, and members that a schema does not know where it excludes them.
 */
export function schemaFaults(schema: JsonObject, args: JsonObject): readonly ArgumentFault[] | null {
  const plain = plainSchema(schema);
  if (plain === null || valuesIn(args) * alternativesIn(plain) > MOST_STEPS) return null;
  try {
    const { success, error } = z.fromJSONSchema(plain as Parameters<typeof z.fromJSONSchema>[0]).safeParse(args);
    return success ? [] : error.issues.slice(0, MOST_FAULTS).map(faultOf);
  } catch {
    return null;
  }
}

function valuesIn(value: Json): number {
  let count = 0;
  const rest: Json[] = [value];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    count += 1;
    if (typeof next === 'object' && next !== null) for (const inner of Object.values(next)) rest.push(inner as Json);
  }
  return count;
}

/** How many schemas one value may be compared with, at most: all that stand within alternatives. */
function alternativesIn(schema: Json): number {
  if (typeof schema !== 'object' || schema === null) return 1;
  let count = 1;
  for (const [name, inner] of Object.entries(schema)) {
    if (Array.isArray(inner) && ALTERNATIVES.includes(name)) count += valuesIn(inner);
    else count += alternativesIn(inner as Json) - 1;
  }
  return count;
}

function faultOf({
  path,
  message,
}: {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}): ArgumentFault {
  const at = path.reduce<string>(
    (above, step) => (typeof step === 'number' ? `${above}[${step}]` : memberPath(above, String(step))),
    '',
  );
  return { path: cut(at, LONGEST), why: cut(message, LONGEST) };
}
