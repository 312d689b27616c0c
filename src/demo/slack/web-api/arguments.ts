import { type Fields, isFields, parsedJson } from '../wire/fields.ts';
import { errorReply, type MethodReply } from './reply.ts';

/** Arguments that a form carries as JSON text. */
const JSON_MEMBERS = ['blocks', 'view', 'metadata', 'attachments', 'message'];

/** The arguments of a call, from a form or from JSON; a reply if they cannot be read. */
export function argumentsOf(type: string, raw: string): Fields | MethodReply {
  if (type.toLowerCase().startsWith('application/json')) {
    const parsed = parsedJson(raw === '' ? '{}' : raw);
    if (!isFields(parsed)) return errorReply('invalid_json');
    const { ok: _, ...args } = parsed;
    return nested(args);
  }
  if (!type.toLowerCase().startsWith('application/x-www-form-urlencoded') && raw !== '') {
    return errorReply('invalid_post_type');
  }
  const { ok: _, ...args } = Object.fromEntries(new URLSearchParams(raw));
  return nested(args);
}

function nested(args: Fields): Fields | MethodReply {
  const out: Fields = { ...args };
  for (const name of JSON_MEMBERS) {
    const value = out[name];
    if (typeof value !== 'string') continue;
    const parsed = parsedJson(value);
    if (parsed === undefined) {
      if (name === 'blocks') return errorReply('invalid_blocks_format');
      if (name === 'metadata') return errorReply('invalid_metadata_format');
      return errorReply('invalid_arguments', {
        response_metadata: { messages: [`[ERROR] ${name} is not valid JSON`] },
      });
    }
    out[name] = parsed;
  }
  return out;
}

/** Whether this is Slack's refusal and not arguments, from which a member `ok` has been removed. */
export function isReply(value: Fields | MethodReply): value is MethodReply {
  return value.ok === false && typeof value.error === 'string';
}
