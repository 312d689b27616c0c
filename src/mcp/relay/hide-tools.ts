import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import { type Replacement, withReplacements } from '../json/edit.ts';
import { afterWhitespace, elementsAt, type Span, spanOf } from '../json/text.ts';
import type { GovernedList, IsEntryDenied, IsToolHidden } from '../upstream/server.ts';
import type { MessageEdit } from './tap-events.ts';

const GOVERNED: readonly GovernedList[] = ['resources', 'resourceTemplates', 'prompts'];

/**
 * The text of a message, or of a batch, without hidden tools, and without the resources and prompts that policy denies;
 * null when it contains none, so that the bytes stay as they are. Entries are cut out together with their commas;
 * nothing is serialised again. A shortened list is no longer the same for everybody, so its `cacheScope` (2026-07-28)
 * becomes `private`.
 */
export function withoutHidden(text: string, isHidden: Hides, isDenied?: IsEntryDenied): string | null {
  const parsed = parse(text);
  if (parsed === undefined) return null;
  const edits = [...messageSpans(text, parsed)].flatMap(([message, span]) =>
    editsOf(text.slice(span.start, span.end), message, isHidden, isDenied).map((edit) => ({
      ...edit,
      start: edit.start + span.start,
      end: edit.end + span.start,
    })),
  );
  return edits.length === 0 ? null : withReplacements(text, edits);
}

type Hides = (tool: string, entry: JsonObject) => boolean;

/**
 * The edit that cuts hidden tools, and denied resources and prompts, out of the lists of one answer. `continues`: the
 * answer is a later page of a list.
 */
export function hidingEdit(isHiddenTool: IsToolHidden, isDenied?: IsEntryDenied, continues = false): MessageEdit {
  const named = new Set<string>();
  const isHidden: Hides = (tool, entry) => {
    const again = continues || named.has(tool);
    named.add(tool);
    return isHiddenTool(tool, entry, again);
  };
  return {
    text: (text) => withoutHidden(text, isHidden, isDenied),
    entry: (list, _text, entry) => {
      const isOut = list === 'tools' ? hides(entry, isHidden) : isDenied?.(list, entry) === true;
      return isOut ? null : undefined;
    },
  };
}

function hides(tool: Json, isHidden: Hides): boolean {
  const name = isObject(tool) ? member(tool, 'name') : undefined;
  return typeof name === 'string' && isHidden(name, tool as JsonObject);
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

function editsOf(
  messageText: string,
  message: Json,
  isHidden: Hides,
  isDenied: IsEntryDenied | undefined,
): Replacement[] {
  const result = member(message, 'result');
  const edits = cutsOf(messageText, result, 'tools', (tool) => hides(tool, isHidden));
  if (isDenied !== undefined) {
    for (const list of GOVERNED) {
      edits.push(...cutsOf(messageText, result, list, (entry) => isDenied(list, entry)));
    }
  }
  if (edits.length === 0) return [];
  const scope = member(result, 'cacheScope') === 'public' ? spanOf(messageText, ['result', 'cacheScope']) : null;
  return scope === null ? edits : [...edits, { ...scope, text: '"private"' }];
}

/** What to cut of one list of a result. */
function cutsOf(
  messageText: string,
  result: Json | undefined,
  list: GovernedList | 'tools',
  isOut: (entry: Json) => boolean,
): Replacement[] {
  const entries = member(result, list);
  if (!Array.isArray(entries)) return [];
  const out = (entries as readonly Json[]).map(isOut);
  const span = out.includes(true) ? spanOf(messageText, ['result', list]) : null;
  if (span === null) return [];
  return cutsFor([...elementsAt(messageText, span.start)], out).map((cut) => ({ ...cut, text: '' }));
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
