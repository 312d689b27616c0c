import { isObject, type Json, type JsonObject, member } from '../domain/json.ts';
import { elementsAt, type Span, spanOf } from './json-text.ts';

/**
 * The text of a message, or a batch, without the tools that are hidden; null when it holds none of them, and then the
 * bytes stay as they are. Tools are cut out with their commas and nothing is written anew. A list that was cut is no
 * longer the same for everybody: its `cacheScope` (2026-07-28) is `private` then.
 */
export function withoutHidden(text: string, hidden: Hidden): string | null {
  const parsed = parse(text);
  if (parsed === undefined) return null;
  const at = Array.isArray(parsed) ? parsed.map((_, index) => [String(index)]) : [[]];
  const messages: readonly Json[] = Array.isArray(parsed) ? parsed : [parsed];
  const edits = messages.flatMap((message, index) => editsOf(text, message, at[index] ?? [], hidden));
  if (edits.length === 0) return null;
  return edits
    .sort((a, b) => b.start - a.start)
    .reduce((cut, e) => cut.slice(0, e.start) + e.put + cut.slice(e.end), text);
}

/** Asked for each tool of each list, with its whole entry. */
export type Hidden = (tool: string, entry: JsonObject) => boolean;

interface Edit extends Span {
  readonly put: string;
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function editsOf(text: string, message: Json, path: readonly string[], hidden: Hidden): Edit[] {
  const result = member(message, 'result');
  const tools = member(result, 'tools');
  if (!Array.isArray(tools)) return [];
  const isHidden = (tools as readonly Json[]).map((tool) => {
    const name = isObject(tool) ? member(tool, 'name') : undefined;
    return typeof name === 'string' && hidden(name, tool as JsonObject);
  });
  if (!isHidden.includes(true)) return [];
  const list = spanOf(text, [...path, 'result', 'tools']);
  if (list === null) return [];
  const edits: Edit[] = cuts([...elementsAt(text, list.start)], isHidden).map((cut) => ({ ...cut, put: '' }));
  const scope = member(result, 'cacheScope') === 'public' ? spanOf(text, [...path, 'result', 'cacheScope']) : null;
  return scope === null ? edits : [...edits, { ...scope, put: '"private"' }];
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
