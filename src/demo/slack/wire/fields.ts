/** An object of JSON that somebody else wrote. */
export type Fields = Record<string, unknown>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member that is a string, or undefined. */
export function textField(of: unknown, name: string): string | undefined {
  const value = isFields(of) ? of[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}

/** The objects of a member that is a list; an empty list for anything else. */
export function listField(of: unknown, name: string): Fields[] {
  const value = isFields(of) ? of[name] : undefined;
  return Array.isArray(value) ? value.filter(isFields) : [];
}

/** A member that is an object, or undefined. */
export function part(of: unknown, name: string): Fields | undefined {
  const value = isFields(of) ? of[name] : undefined;
  return isFields(value) ? value : undefined;
}

/** Form fields are strings, JSON fields are not; Slack accepts both. */
export function isTrue(value: unknown): boolean {
  return value === true || value === 'true' || value === '1' || value === 1;
}

/** Merges `over` into `under`, object by object; lists and plain values are replaced. */
export function merged(under: Fields, over: Fields): Fields {
  const out: Fields = { ...under };
  for (const [name, value] of Object.entries(over)) {
    const before = out[name];
    out[name] = isFields(before) && isFields(value) ? merged(before, value) : value;
  }
  return out;
}

/** Undefined if it is not JSON. */
export function parsedJson(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
}
