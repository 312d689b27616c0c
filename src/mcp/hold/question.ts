import { type Json, member } from '../../domain/json/json.ts';
import type { ServerQuestion } from '../../gateway/task/task-door.ts';
import { textAt } from '../json/edit.ts';
import { placesIn } from '../json/find.ts';
import { LARGE_MESSAGE } from '../json/large.ts';

const UTF8 = new TextDecoder();

/** What an `input_required` response asks: its requests as JSON text, and its state. Null for any other response. */
export function questionIn(response: Uint8Array): ServerQuestion | null {
  const text = UTF8.decode(response);
  // Saves parsing large results that ask nothing.
  if (!text.includes('input_required')) return null;
  const result = member(JSON.parse(text) as Json, 'result');
  if (member(result, 'resultType') !== 'input_required') return null;
  const state = member(result, 'requestState');
  return {
    inputRequests: textAt(text, ['result', 'inputRequests']),
    requestState: typeof state === 'string' ? state : null,
  };
}

const ASKED = [
  ['result', 'resultType'],
  ['result', 'requestState'],
  ['result', 'inputRequests'],
] as const;
/** Longest question that is kept, in bytes. */
const LONGEST_QUESTION = 4 * 1024 * 1024;

/** The same for a response of any length, in pieces. One that would be too long to keep counts as no question. */
export async function questionInPieces(response: Uint8Array): Promise<ServerQuestion | null> {
  if (response.length < LARGE_MESSAGE) return questionIn(response);
  if (response.length > LONGEST_QUESTION) return null;
  const places = await placesIn(response, ASKED);
  const textOf = (path: string): string | null => {
    const place = places?.get(path);
    return place === undefined ? null : UTF8.decode(response.subarray(place.start, place.end));
  };
  if (textOf('result resultType') !== '"input_required"') return null;
  const state = textOf('result requestState');
  return {
    inputRequests: textOf('result inputRequests'),
    requestState: state?.startsWith('"') ? (JSON.parse(state) as string) : null,
  };
}
