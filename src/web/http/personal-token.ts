import { randomBytes } from 'node:crypto';
import { TOKEN_PREFIX } from '../../gateway/person/tokens.ts';

/** A new personal token: 256 random bits. It is shown once. */
export function newTokenText(): string {
  return `${TOKEN_PREFIX}${randomBytes(32).toString('base64url')}`;
}
