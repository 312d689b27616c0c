import { type Json, member } from '../../domain/json/json.ts';
import type { ServerQuestion } from '../../gateway/task/task-door.ts';
import { textAt } from '../json/edit.ts';

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
