import { type Json, member } from '../../domain/json/json.ts';
import type { ServerQuestion } from '../../gateway/task/task-door.ts';
import { textAt } from '../json/edit.ts';

const UTF8 = new TextDecoder();

/** What an `input_required` response asks: JSON text of the requests, and the state. Null for another response. */
export function questionIn(response: Uint8Array): ServerQuestion | null {
  const text = UTF8.decode(response);
  // Parsing a large result only to see what it is not would be a waste.
  if (!text.includes('input_required')) return null;
  const result = member(JSON.parse(text) as Json, 'result');
  if (member(result, 'resultType') !== 'input_required') return null;
  const state = member(result, 'requestState');
  return {
    inputRequests: textAt(text, ['result', 'inputRequests']),
    requestState: typeof state === 'string' ? state : null,
  };
}
