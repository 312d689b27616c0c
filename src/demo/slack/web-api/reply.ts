import type { Fields } from '../wire/fields.ts';

/** What a Web API method answers. Slack's status is 200 even for a refusal; the name of the error is in `error`. */
export type MethodReply = ({ readonly ok: true } & Fields) | ({ readonly ok: false; readonly error: string } & Fields);

export function okReply(fields: Fields = {}): MethodReply {
  return { ...fields, ok: true };
}

export function errorReply(error: string, fields: Fields = {}): MethodReply {
  return { ...fields, ok: false, error };
}

/** A refusal with Slack's details: what is wrong, and where, as a JSON pointer. */
export function faultsReply(error: string, faults: readonly string[]): MethodReply {
  return errorReply(error, {
    errors: [...faults],
    response_metadata: { messages: faults.map((fault) => `[ERROR] ${fault}`) },
  });
}
