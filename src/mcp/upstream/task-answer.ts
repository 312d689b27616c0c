import { concatBytes } from '../../bytes/join.ts';
import { textAt } from '../json/edit.ts';
import { placesIn } from '../json/find.ts';
import { LARGE_MESSAGE } from '../json/large.ts';

/** What a server's answer to `tasks/get` says, without what is too long for a description. */
export interface TaskAnswer {
  /** The JSON-RPC response, as JSON text; of a large one only the members that say how the task stands. */
  readonly text: string;
  /** The response to the call that the task inlines (2026-07-28); null: it inlines none. */
  readonly inlined: Uint8Array | null;
  /** The inlined result says that the tool failed. */
  readonly isError: boolean;
  /** Bytes of what the server asks, where it is too long to be in `text`; null: it is not. */
  readonly leftOut: number | null;
}

const UTF8 = new TextDecoder();

/** Members of a large answer that are kept, each of at most `LARGE_MESSAGE` bytes. */
const KEPT = [
  'status',
  'statusMessage',
  'pollInterval',
  'pollIntervalMs',
  'taskId',
  'ttl',
  'ttlMs',
  'createdAt',
  'lastUpdatedAt',
  // What the server asks; a longer question cannot be kept, and nobody is asked about it.
  'inputRequests',
  'requestState',
];

/** Reads the answer in pieces where it is large. Null: it is not JSON. */
export async function taskAnswerIn(response: Uint8Array): Promise<TaskAnswer | null> {
  if (response.length < LARGE_MESSAGE) return smallAnswer(UTF8.decode(response));
  const asked = [...KEPT, 'result', 'error'].map((name) => ['result', name]);
  const places = await placesIn(response, [['error', 'code'], ['result'], ['result', 'result', 'isError'], ...asked]);
  if (places === null) return null;
  const bytesOf = (path: string): Uint8Array | null => {
    const place = places.get(path);
    return place === undefined ? null : response.subarray(place.start, place.end);
  };
  const short = (path: string): string | null => {
    const bytes = bytesOf(path);
    return bytes === null || bytes.length > LARGE_MESSAGE ? null : UTF8.decode(bytes);
  };
  if (bytesOf('result') === null)
    return {
      text: `{"error":{"code":${short('error code') ?? 'null'}}}`,
      inlined: null,
      isError: false,
      leftOut: null,
    };
  const members = KEPT.flatMap((name) => {
    const text = short(`result ${name}`);
    return text === null ? [] : [`${JSON.stringify(name)}:${text}`];
  });
  const [error, result] = [bytesOf('result error'), bytesOf('result result')];
  const end = error === null ? (result === null ? null : inlinedAs('result', result)) : inlinedAs('error', error);
  const isError = error !== null || short('result result isError') === 'true';
  const asks = bytesOf('result inputRequests')?.length ?? 0;
  const leftOut = asks > LARGE_MESSAGE ? asks : null;
  return { text: `{"result":{${members.join(',')}}}`, inlined: end, isError, leftOut };
}

function smallAnswer(text: string): TaskAnswer | null {
  let isError = false;
  try {
    const { result } = JSON.parse(text) as { result?: { result?: { isError?: unknown } | null } | null };
    isError = result?.result?.isError === true;
  } catch {
    return null;
  }
  const error = textAt(text, ['result', 'error']);
  const result = textAt(text, ['result', 'result']);
  const encoder = new TextEncoder();
  const leftOut = null;
  if (error !== null) return { text, inlined: inlinedAs('error', encoder.encode(error)), isError: true, leftOut };
  return { text, inlined: result === null ? null : inlinedAs('result', encoder.encode(result)), isError, leftOut };
}

/** The response to the call itself; its bytes are kept as they came. */
function inlinedAs(name: 'result' | 'error', value: Uint8Array): Uint8Array {
  const encoder = new TextEncoder();
  const parts = [encoder.encode(`{"jsonrpc":"2.0","id":0,"${name}":`), value, encoder.encode('}')];
  return concatBytes(
    parts,
    parts.reduce((sum, { length }) => sum + length, 0),
  );
}

/** Whether a response has a result; read in pieces where it is large. */
export async function hasResult(response: Uint8Array): Promise<boolean> {
  if (response.length < LARGE_MESSAGE) return textAt(UTF8.decode(response), ['result']) !== null;
  return (await placesIn(response, [['result']]))?.has('result') === true;
}
