import type { Choice } from '../../domain/approval/approval.ts';
import { exactJson } from '../../domain/json/exact-json.ts';
import { isObject, type JsonObject, member } from '../../domain/json/json.ts';

/** The arguments that the body proposes instead; null: none; a text: what is wrong with them. `text`: the body as it came. */
export function counterIn(body: JsonObject, choice: Choice, text: string): JsonObject | null | string {
  const counter = member(body, 'counter') ?? null;
  if (counter === null) return null;
  if (choice !== 'deny') return 'counter goes with "decision": "deny": it denies this call and proposes another.';
  if ((member(body, 'standing') ?? null) !== null) {
    return 'counter and standing exclude each other: a standing denial would deny what is proposed.';
  }
  if (!isObject(counter)) return 'counter is an object: all arguments of the call that would be approved.';
  const exact = exactJson(text);
  return exact.kind === 'exact' ? counter : `counter cannot be kept as it is: ${exact.why}.`;
}
