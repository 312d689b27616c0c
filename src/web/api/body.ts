import type { Context } from 'hono';
import type { Approver } from '../../domain/approval/approval.ts';
import { isObject, type Json, type JsonObject } from '../../domain/json/json.ts';
import type { ApiCaller } from '../http/callers.ts';

/** What the API's handlers find in their context: who asks. */
export type ApiEnv = { Variables: { approver: Approver; caller: ApiCaller } };

/** Characters. */
const MAX_BODY_LENGTH = 64 * 1024;

/** The JSON object in the body, or what is wrong with the body. */
export async function bodyObject(c: Context): Promise<JsonObject | string> {
  if (!/^application\/json\s*(;|$)/i.test(c.req.header('content-type') ?? ''))
    return 'Send a JSON body as application/json.';
  const text = await c.req.text();
  if (text.length > MAX_BODY_LENGTH) return `The body is longer than ${MAX_BODY_LENGTH} characters.`;
  let body: Json;
  try {
    body = JSON.parse(text) as Json;
  } catch {
    return 'The body is not JSON.';
  }
  return isObject(body) ? body : 'The body is not an object.';
}
