import type { Json } from './json.ts';

export const REDACTED = '[redacted]';

const SECRET_NAME = /password|passwd|secret|token|api[-_]?key|authorization|credential|private[-_]?key/i;

/** What a policy hides of a tool's arguments. */
export interface Redaction {
  /** Members whose name looks secret are hidden at every depth. Off with `redact: none`. */
  readonly byName: boolean;
  /** Paths under the arguments, as segments; `*` stands for any member or index: `['users', '*', 'seed']`. */
  readonly paths: readonly (readonly string[])[];
}

export const DEFAULT_REDACTION: Redaction = { byName: true, paths: [] };
export const NO_REDACTION: Redaction = { byName: false, paths: [] };

/** A copy with secret values replaced. Names and structure stay, so that a person sees that something is there. */
export function redact(value: Json, redaction: Redaction): Json {
  return walk(value, redaction.paths, redaction.byName);
}

function walk(value: Json, paths: readonly (readonly string[])[], byName: boolean): Json {
  if (paths.some((path) => path.length === 0)) return REDACTED;
  if (Array.isArray(value)) return value.map((item, index) => walk(item, below(paths, String(index)), byName));
  if (typeof value !== 'object' || value === null) return value;
  const copy: Record<string, Json> = Object.create(null);
  for (const [name, inner] of Object.entries(value as { [name: string]: Json })) {
    copy[name] = byName && SECRET_NAME.test(name) ? REDACTED : walk(inner, below(paths, name), byName);
  }
  return copy;
}

function below(paths: readonly (readonly string[])[], step: string): (readonly string[])[] {
  return paths.filter((path) => path[0] === '*' || path[0] === step).map((path) => path.slice(1));
}
