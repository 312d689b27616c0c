import { type Fields, isFields } from '../wire/fields.ts';

/** Collects faults in Slack's format: what is wrong, then where. */
export class BlockFaults {
  readonly found: string[] = [];

  add(what: string, where: string): void {
    this.found.push(`${what} [json-pointer:${where}]`);
  }

  /** Slack refuses members that it does not know. */
  members(of: Fields, known: readonly string[], where: string): void {
    for (const name of Object.keys(of)) {
      if (name !== 'type' && !known.includes(name)) this.add(`invalid additional property: ${name}`, where);
    }
  }

  /** A string of `min` to `max` characters (UTF-16 code units, so that an emoji counts two). */
  string(value: unknown, where: string, max: number, need: 'required' | 'optional' = 'required', min = 1): void {
    if (value === undefined || value === null) {
      if (need === 'required') this.add('missing required field', where);
      return;
    }
    if (typeof value !== 'string') {
      this.add('must be a string', where);
      return;
    }
    if (value.length < min) this.add(`must be more than ${min - 1} characters`, where);
    if (value.length > max) this.add(`must be less than ${max + 1} characters`, where);
  }

  /** A text object. */
  text(
    value: unknown,
    where: string,
    max: number,
    kind: 'plain' | 'any',
    need: 'required' | 'optional' = 'required',
  ): void {
    if (value === undefined || value === null) {
      if (need === 'required') this.add('missing required field', where);
      return;
    }
    if (!isFields(value)) {
      this.add('must be an object', where);
      return;
    }
    if (value.type !== 'plain_text' && (kind === 'plain' || value.type !== 'mrkdwn')) {
      this.add(kind === 'plain' ? 'must be a plain_text object' : 'must be plain_text or mrkdwn', `${where}/type`);
      return;
    }
    this.members(value, value.type === 'mrkdwn' ? ['text', 'verbatim'] : ['text', 'emoji'], where);
    this.string(value.text, `${where}/text`, max);
  }
}
