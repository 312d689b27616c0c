import type { Context } from 'hono';
import type { Approver } from '../../domain/approval/approval.ts';
import { isObject, type Json, type JsonObject } from '../../domain/json/json.ts';
import type { ApiCaller } from '../http/callers.ts';

/** What the API's handlers find in their context: who asks. */
export type ApiEnv = { Variables: { approver: Approver; caller: ApiCaller } };

/** Characters. */
const MAX_BODY_LENGTH = 64 * 1024;

/** What is wrong with a body that asks for what this door does not act on, by the member's name; null: nothing. null in it asks for nothing. */
export function strangeMember(body: JsonObject, known: readonly string[]): string | null {
  const strange = Object.keys(body).find((name) => !known.includes(name) && body[name] !== null);
  if (strange === undefined) return null;
  return `The body has a member ${JSON.stringify(strange.slice(0, 64))}, which is not acted on here. Send only ${known.join(', ')}.`;
}

/** `longest`: in characters. The JSON object in the body, or what is wrong with the body. */
export async function bodyObject(c: Context, longest = MAX_BODY_LENGTH): Promise<JsonObject | string> {
  if (!/^application\/json\s*(;|$)/i.test(c.req.header('content-type') ?? ''))
    return 'Send a JSON body as application/json.';
  const text = await c.req.text();
  if (text.length > longest) return `The body is longer than ${longest} characters.`;
  let body: Json;
  try {
    body = JSON.parse(text) as Json;
  } catch {
    return 'The body is not JSON.';
  }
  return isObject(body) ? body : 'The body is not an object.';
}
