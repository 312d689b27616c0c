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
  return member(inputSchema, '$ref') === undefined && !JSON.stringify(inputSchema).includes(REASON_ARGUMENT);
}

/** The argument as a tool's list offers it. */
export const REASON_SCHEMA = {
  type: 'string',
  description:
    'Why you make this call, in one or two sentences, for the person who may have to approve it. It is shown to them as your claim and is not sent to the tool. Without it, a call that needs an approval does not run.',
} as const;
