import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import { type Replacement, withReplacements } from '../json/edit.ts';
import { afterWhitespace, elementsAt, type Span, spanOf } from '../json/text.ts';
import type { IsToolHidden } from '../upstream/server.ts';

/**
 * The text of a message, or of a batch, without its hidden tools; null when it contains none, so that the bytes stay as
 * they are. Tools are cut out together with their commas; nothing is serialised again. A shortened list is no longer
 * the same for everybody, so its `cacheScope` (2026-07-28) becomes `private`.
 */
export function withoutHidden(text: string, isHidden: IsToolHidden): string | null {
  const parsed = parse(text);
  if (parsed === undefined) return null;
  const edits = [...messageSpans(text, parsed)].flatMap(([message, span]) => editsOf(text, message, span, isHidden));
  return edits.length === 0 ? null : withReplacements(text, edits);
}

/** Each message with its range of the text. A batch is read once, however many messages it has. */
function* messageSpans(text: string, parsed: Json): Generator<[Json, Span]> {
  if (!Array.isArray(parsed)) return yield [parsed, { start: 0, end: text.length }];
  let index = 0;
  for (const span of elementsAt(text, afterWhitespace(text, 0))) yield [parsed[index++] as Json, span];
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function editsOf(text: string, message: Json, span: Span, isHidden: IsToolHidden): Replacement[] {
  const result = member(message, 'result');
  const tools = member(result, 'tools');
  if (!Array.isArray(tools)) return [];
  const hidden = (tools as readonly Json[]).map((tool) => {
    const name = isObject(tool) ? member(tool, 'name') : undefined;
    return typeof name === 'string' && isHidden(name, tool as JsonObject);
  });
  if (!hidden.includes(true)) return [];
  const messageText = text.slice(span.start, span.end);
  const list = spanOf(messageText, ['result', 'tools']);
  if (list === null) return [];
  const edits: Replacement[] = cutsFor([...elementsAt(messageText, list.start)], hidden).map((cut) => ({
    ...cut,
    text: '',
  }));
  const scope = member(result, 'cacheScope') === 'public' ? spanOf(messageText, ['result', 'cacheScope']) : null;
  if (scope !== null) edits.push({ ...scope, text: '"private"' });
  return edits.map((edit) => ({ ...edit, start: edit.start + span.start, end: edit.end + span.start }));
}

/** The ranges to cut so that the remaining elements are still separated by single commas. */
function cutsFor(elements: readonly Span[], hidden: readonly boolean[]): Span[] {
  const lastKept = hidden.lastIndexOf(false);
  const cuts: Span[] = [];
  for (const [index, element] of elements.entries()) {
    const next = elements[index + 1];
    if (hidden[index] && index < lastKept && next !== undefined) {
      cuts.push({ start: element.start, end: next.start });
    }
  }
  const first = elements[lastKept + 1];
  const last = elements.at(-1);
  if (first !== undefined && last !== undefined) {
    cuts.push({ start: elements[lastKept]?.end ?? first.start, end: last.end });
  }
  return cuts;
}
