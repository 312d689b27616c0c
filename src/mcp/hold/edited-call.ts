import { type JsonObject, member } from '../../domain/json/json.ts';
import type { ToolCallRequest } from '../door/call-door.ts';
import { withoutMember } from '../json/edit.ts';
import { withMemberInPieces } from '../json/edit-bytes.ts';
import { LARGE_MESSAGE } from '../json/large.ts';
import type { HeaderRecord } from '../protocol/header-policy.ts';

/** The same call without the members at these paths below its `params`, as if it had come so. Large ones are edited in pieces. */
export async function callWithout(
  request: ToolCallRequest,
  paths: readonly (readonly string[])[],
  isHeaderOut: (name: string) => boolean = () => false,
): Promise<ToolCallRequest> {
  let params = request.params;
  for (const path of paths) params = objectWithout(params, path);
  const { principal, server, session, requestId, idText, inexact, accept, configured, upstream } = request;
  const { modern, protocolVersion, lentSession = null } = request;
  return {
    ...{ principal, server, session, requestId, idText, inexact, accept, configured, upstream },
    ...{ modern, protocolVersion, lentSession, params },
    bytes: await bytesWithout(request.bytes, paths),
    message: { ...request.message, params },
    headers: headersWithout(request.headers, isHeaderOut),
    requestHeaders: headersWithout(request.requestHeaders, isHeaderOut),
    get signal() {
      return request.signal;
    },
    get nodeResponse() {
      return request.nodeResponse ?? null;
    },
  };
}

async function bytesWithout(bytes: Uint8Array, paths: readonly (readonly string[])[]): Promise<Uint8Array> {
  if (bytes.length < LARGE_MESSAGE) {
    let text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
    for (const path of paths) text = withoutMember(text, ['params', ...path]);
    return new TextEncoder().encode(text);
  }
  let edited = bytes;
  for (const path of paths) edited = await withMemberInPieces(edited, ['params', ...path], null);
  return edited;
}

function objectWithout(object: JsonObject, [name, ...rest]: readonly string[]): JsonObject {
  if (name === undefined || !Object.hasOwn(object, name)) return object;
  if (rest.length === 0) return Object.fromEntries(Object.entries(object).filter(([each]) => each !== name));
  const inner = member(object, name);
  return { ...object, [name]: objectWithout(inner as JsonObject, rest) };
}

function headersWithout(headers: HeaderRecord, isOut: (name: string) => boolean): HeaderRecord {
  if (!Object.keys(headers).some(isOut)) return headers;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isOut(name)));
}
