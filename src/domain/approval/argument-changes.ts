import { cut } from '../../text/cut.ts';
import { canonical } from '../json/canonical.ts';
import { isObject, type Json, type JsonObject } from '../json/json.ts';
import { memberPath } from '../json/member-path.ts';
import type { ArgumentChange } from './counter-of.ts';

/** Changes that are kept, and characters of each side of one. */
const MOST_CHANGES = 20;
const LONGEST_SIDE = 300;
const LONGEST_PATH = 120;

/** What differs between two objects of arguments, as they are shown: member by member, and lists as a whole where their lengths differ. */
export function argumentChanges(
  before: JsonObject,
  after: JsonObject,
): { readonly changes: readonly ArgumentChange[]; readonly more: number } {
  const all: ArgumentChange[] = [];
  compare(before, after, '', all);
  return { changes: all.slice(0, MOST_CHANGES), more: Math.max(0, all.length - MOST_CHANGES) };
}

function compare(before: Json | undefined, after: Json | undefined, path: string, into: ArgumentChange[]): void {
  if (isObject(before) && isObject(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    for (const name of names) {
      compare(own(before, name), own(after, name), memberPath(path, name), into);
    }
    return;
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    for (const [index, value] of (before as readonly Json[]).entries()) {
      compare(value, (after as readonly Json[])[index], `${path}[${index}]`, into);
    }
    return;
  }
  if (before !== undefined && after !== undefined && canonical(before) === canonical(after)) return;
  into.push({ path: cut(path, LONGEST_PATH), before: sideOf(before), after: sideOf(after) });
}

function own(value: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

function sideOf(value: Json | undefined): string | null {
  return value === undefined ? null : cut(JSON.stringify(value), LONGEST_SIDE);
}
