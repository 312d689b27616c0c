import { isObject, type Json, type JsonObject, member } from '../json/json.ts';

/**
 * What a server says about its own tool. It is the party being judged, so a hint may raise a suspicion and never lower
 * one.
 */
export interface Hints {
  readonly readOnly: boolean | null;
  readonly destructive: boolean | null;
  readonly idempotent: boolean | null;
  readonly openWorld: boolean | null;
}

/** One entry of `tools/list`. */
export interface Tool {
  readonly name: string;
  readonly title: string | null;
  readonly description: string;
  readonly inputSchema: Json;
  readonly outputSchema: Json | null;
  readonly hints: Hints;
}

/** Reads an entry of `tools/list`; null when it has no name, so that nobody can call it. */
export function toolOf(entry: Json): Tool | null {
  if (!isObject(entry)) return null;
  const name = member(entry, 'name');
  if (typeof name !== 'string') return null;
  const annotations = member(entry, 'annotations');
  const hint = (key: string): boolean | null => {
    const value = isObject(annotations) ? member(annotations, key) : undefined;
    return typeof value === 'boolean' ? value : null;
  };
  return {
    name,
    title: text(entry, 'title') ?? (isObject(annotations) ? text(annotations, 'title') : null),
    description: text(entry, 'description') ?? '',
    inputSchema: member(entry, 'inputSchema') ?? {},
    outputSchema: member(entry, 'outputSchema') ?? null,
    hints: {
      readOnly: hint('readOnlyHint'),
      destructive: hint('destructiveHint'),
      idempotent: hint('idempotentHint'),
      openWorld: hint('openWorldHint'),
    },
  };
}

function text(object: JsonObject, name: string): string | null {
  const value = member(object, name);
  return typeof value === 'string' ? value : null;
}
