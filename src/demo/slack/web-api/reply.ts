import type { Fields } from '../wire/fields.ts';

/** What a Web API method says. Slack answers 200 even when it refuses; the name of the error is in `error`. */
export type Answer = ({ readonly ok: true } & Fields) | ({ readonly ok: false; readonly error: string } & Fields);

export function done(fields: Fields = {}): Answer {
  return { ...fields, ok: true };
}

export function refused(error: string, fields: Fields = {}): Answer {
  return { ...fields, ok: false, error };
}

/** A refusal with Slack's details: what is wrong and, as a JSON pointer, where. */
export function faulty(error: string, faults: readonly string[]): Answer {
  return refused(error, {
    errors: [...faults],
    response_metadata: { messages: faults.map((fault) => `[ERROR] ${fault}`) },
  });
}
