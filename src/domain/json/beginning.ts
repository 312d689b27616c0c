import { isObject, type Json } from './json.ts';

/**
 * The beginning of a value's JSON text: all of it where it has no more than so many characters, else more than those. Values
 * that follow are not read, however many megabytes they are.
 */
export function jsonBeginning(value: Json, characters: number): string {
  let text = '';
  const isFull = (): boolean => text.length > characters;
  const write = (one: Json): void => {
    if (typeof one === 'string') text += JSON.stringify(one.slice(0, characters + 1));
    else if (Array.isArray(one)) writeAll('[', one as readonly Json[], ']');
    else if (isObject(one)) writeAll('{', Object.keys(one), '}', one);
    else text += JSON.stringify(one);
  };
  /** Items, or the members of `of` by their names. */
  const writeAll = (
    begin: string,
    items: readonly Json[],
    end: string,
    of: { readonly [name: string]: Json } | null = null,
  ) => {
    text += begin;
    for (const [at, item] of items.entries()) {
      if (isFull()) return;
      if (at > 0) text += ',';
      write(item);
      if (of === null) continue;
      text += ':';
      if (!isFull()) write(of[item as string]!);
    }
    text += end;
  };
  write(value);
  return text;
}
