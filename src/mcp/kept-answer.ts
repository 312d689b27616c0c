import type { JsonObject } from '../domain/json.ts';
import { OPEN_OBJECT, spanOf } from './json-text.ts';

/**
 * An upstream's response, made this caller's: its own id, and what Holdfast adds under `_meta["holdfast/approval"]`.
 * Only those bytes change; re-writing the JSON would round the upstream's numbers.
 */
export function asMine(response: string, idText: string, meta: JsonObject): string {
  const marked = withMeta(response, meta);
  const id = spanOf(marked, ['id']);
  return id === null ? marked : splice(marked, id.start, id.end, idText);
}

function withMeta(response: string, meta: JsonObject): string {
  const result = spanOf(response, ['result']);
  if (result === null || response.charCodeAt(result.start) !== OPEN_OBJECT) return response;
  const entry = `"holdfast/approval":${JSON.stringify(meta)}`;
  const existing = spanOf(response, ['result', '_meta']);
  if (existing !== null && response.charCodeAt(existing.start) === OPEN_OBJECT) {
    // An upstream's own entry of this name must not speak for us: JSON readers take the last one.
    return splice(response, existing.end - 1, existing.end - 1, isEmpty(response, existing) ? entry : `,${entry}`);
  }
  if (existing !== null) return response;
  const end = result.end - 1;
  const member = `"_meta":{${entry}}`;
  return splice(response, end, end, isEmpty(response, result) ? member : `,${member}`);
}

function isEmpty(text: string, span: { start: number; end: number }): boolean {
  return text.slice(span.start + 1, span.end - 1).trim() === '';
}

function splice(text: string, start: number, end: number, insert: string): string {
  return text.slice(0, start) + insert + text.slice(end);
}
