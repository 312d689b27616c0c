import { REASON_ARGUMENT } from '../call/stated-reason.ts';
import { isObject, type Json, member } from '../json/json.ts';

/**
 * Whether a tool's schema has room for the argument in which an agent says why it calls: a plain object that nowhere
 * speaks of such a name. Where it does, the argument is the tool's own.
 */
export function hasRoomForReason(inputSchema: Json): boolean {
  if (!isObject(inputSchema)) return false;
  const [type, properties] = [member(inputSchema, 'type'), member(inputSchema, 'properties')];
  if (type !== 'object' || !(properties === undefined || isObject(properties))) return false;
  return member(inputSchema, '$ref') === undefined && !speaksOf(inputSchema);
}

/** Whether the name stands anywhere in it. Nothing recurses: a server's schema may be nested to any depth. */
function speaksOf(schema: Json): boolean {
  const rest: Json[] = [schema];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (typeof next === 'string' && next.includes(REASON_ARGUMENT)) return true;
    if (typeof next !== 'object' || next === null) continue;
    if (!Array.isArray(next) && Object.keys(next).some((name) => name.includes(REASON_ARGUMENT))) return true;
    for (const inner of Object.values(next) as Json[]) rest.push(inner);
  }
  return false;
}

/** The argument as a tool's list offers it. */
export const REASON_SCHEMA = {
  type: 'string',
  description:
    'Why you make this call, in one or two sentences, for the person who may have to approve it. It is shown to them as your claim and is not sent to the tool. Without it, a call that needs an approval does not run.',
} as const;
