import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import { type Replacement, replaced } from '../json/edit.ts';
import { afterBlanks, elementsAt, type Span, spanOf } from '../json/text.ts';
import type { Hidden } from '../upstream/server.ts';

/**
 * The text of a message, or a batch, without the tools that are hidden; null when it holds none of them, and then the
 * bytes stay as they are. Tools are cut out with their commas and nothing is written anew. A list that was cut is no
 * longer the same for everybody: its `cacheScope` (2026-07-28) is `private` then.
 */
export function withoutHidden(text: string, hidden: Hidden): string | null {
  const parsed = parse(text);
  if (parsed === undefined) return null;
  const edits = [...placesOf(text, parsed)].flatMap(([message, place]) => editsOf(text, message, place, hidden));
  return edits.length === 0 ? null : replaced(text, edits);
}

/** Each message with its stretch of the text: a batch is gone through once, however many they are. */
function* placesOf(text: string, parsed: Json): Generator<[Json, Span]> {
  if (!Array.isArray(parsed)) return yield [parsed, { start: 0, end: text.length }];
  let index = 0;
  for (const place of elementsAt(text, afterBlanks(text, 0))) yield [parsed[index++] as Json, place];
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function editsOf(text: string, message: Json, place: Span, hidden: Hidden): Replacement[] {
  const result = member(message, 'result');
  const tools = member(result, 'tools');
  if (!Array.isArray(tools)) return [];
  const isHidden = (tools as readonly Json[]).map((tool) => {
    const name = isObject(tool) ? member(tool, 'name') : undefined;
    return typeof name === 'string' && hidden(name, tool as JsonObject);
  });
  if (!isHidden.includes(true)) return [];
  const own = text.slice(place.start, place.end);
  const list = spanOf(own, ['result', 'tools']);
  if (list === null) return [];
  const edits: Replacement[] = cuts([...elementsAt(own, list.start)], isHidden).map((cut) => ({ ...cut, put: '' }));
  const scope = member(result, 'cacheScope') === 'public' ? spanOf(own, ['result', 'cacheScope']) : null;
  if (scope !== null) edits.push({ ...scope, put: '"private"' });
  return edits.map(({ start, end, put }) => ({ start: start + place.start, end: end + place.start, put }));
}

/** What to cut so that the elements left over have their commas between them. */
function cuts(elements: readonly Span[], isHidden: readonly boolean[]): Span[] {
  const lastKept = isHidden.lastIndexOf(false);
  const found: Span[] = [];
  for (const [index, element] of elements.entries()) {
    const next = elements[index + 1];
    if (isHidden[index] && index < lastKept && next !== undefined)
      found.push({ start: element.start, end: next.start });
  }
  const first = elements[lastKept + 1];
  const last = elements.at(-1);
  if (first !== undefined && last !== undefined) {
    found.push({ start: elements[lastKept]?.end ?? first.start, end: last.end });
  }
  return found;
}
