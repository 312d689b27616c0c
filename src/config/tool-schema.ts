import { z } from 'zod';
import type { ArgumentFault } from '../domain/approval/argument-fault.ts';
import type { JsonObject } from '../domain/json/json.ts';
import { memberPath } from '../domain/json/member-path.ts';
import { plainSchema } from '../domain/tool/plain-schema.ts';
import { cut } from '../text/cut.ts';

/** Faults that are told, and UTF-16 units of each and of its path. */
const MOST_FAULTS = 20;
const LONGEST = 200;

/**
 * What a tool's input schema says against these arguments; null: the schema cannot be read, so nobody can say. Types,
 * values, bounds and required members are checked, and members that a schema does not know where it excludes them.
 */
export function schemaFaults(schema: JsonObject, args: JsonObject): readonly ArgumentFault[] | null {
  const plain = plainSchema(schema);
  if (plain === null) return null;
  try {
    const { success, error } = z.fromJSONSchema(plain as Parameters<typeof z.fromJSONSchema>[0]).safeParse(args);
    return success ? [] : error.issues.slice(0, MOST_FAULTS).map(faultOf);
  } catch {
    return null;
  }
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
