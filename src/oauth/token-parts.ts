import { isObject, type JsonObject } from '../domain/json/json.ts';
import { hasMemberTwice } from '../domain/json/twice.ts';
import { LONGEST_TOKEN, type RefusedToken, refusedToken } from '../domain/people/access-token.ts';

/** A token's header and claims as they are written; nothing of it is checked. */
export interface TokenParts {
  readonly kind: 'parts';
  readonly header: JsonObject;
  readonly claims: JsonObject;
}

const COMPACT = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)$/;

/** Whether a token looks like a signed one. */
export function isCompact(token: string): boolean {
  return COMPACT.test(token);
}

/** Reads the compact form of a signed token (RFC 7515). */
export function tokenParts(token: string): TokenParts | RefusedToken {
  if (token.length > LONGEST_TOKEN)
    return refusedToken(
      'size',
      `It is longer than ${LONGEST_TOKEN} characters. Let the provider put less into it, such as fewer groups.`,
    );
  const [, head, body] = COMPACT.exec(token) ?? [];
  if (head === undefined || body === undefined)
    return refusedToken('form', 'It is no signed JWT: opaque and encrypted tokens cannot be checked here.');
  const texts = [textOf(head), textOf(body)];
  const [header, claims] = texts.map((text) => (text === null ? null : parsed(text)));
  if (!isObject(header) || !isObject(claims))
    return refusedToken('form', 'It is no signed JWT: its parts are no JSON objects.');
  if (texts.some((text) => hasMemberTwice(text!)))
    return refusedToken('duplicate', 'It has the same member twice, so that two readers could take either.');
  return { kind: 'parts', header, claims };
}

function textOf(part: string): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(part, 'base64url'));
  } catch {
    return null;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
