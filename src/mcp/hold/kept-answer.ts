import type { JsonObject } from '../../domain/json/json.ts';
import { splice, withMember } from '../json/edit.ts';
import { OPEN_OBJECT, spanOf } from '../json/text.ts';

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
  const entry = JSON.stringify(meta);
  const existing = spanOf(response, ['result', '_meta']);
  if (existing === null) return withMember(response, ['result', '_meta'], `{"holdfast/approval":${entry}}`);
  // An upstream's own entry of this name must not speak for us.
  return withMember(response, ['result', '_meta', 'holdfast/approval'], entry);
}
