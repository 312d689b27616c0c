import type { JsonObject } from '../../domain/json/json.ts';
import { splice, withMember } from '../json/edit.ts';
import { OPEN_OBJECT, spanOf } from '../json/text.ts';

/**
 * An upstream's response for one caller: with the caller's JSON-RPC id, and with `meta` as
 * `_meta["holdfast/approval"]`. Only those bytes change, because serialising the JSON again would round the upstream's
 * numbers.
 */
export function responseForCaller(response: string, idText: string, meta: JsonObject): string {
  const withApproval = withMeta(response, meta);
  const id = spanOf(withApproval, ['id']);
  return id === null ? withApproval : splice(withApproval, id.start, id.end, idText);
}

function withMeta(response: string, meta: JsonObject): string {
  const result = spanOf(response, ['result']);
  if (result === null || response.charCodeAt(result.start) !== OPEN_OBJECT) return response;
  const entry = JSON.stringify(meta);
  const existing = spanOf(response, ['result', '_meta']);
  if (existing === null) return withMember(response, ['result', '_meta'], `{"holdfast/approval":${entry}}`);
  // Replaces an entry that the upstream itself may have put under this name.
  return withMember(response, ['result', '_meta', 'holdfast/approval'], entry);
}
