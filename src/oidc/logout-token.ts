import { createHash } from 'node:crypto';
import { createRemoteJWKSet, customFetch, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { TOKEN_ALGORITHMS } from '../domain/people/access-token.ts';
import { subjectIn } from '../domain/people/claims.ts';
import type { LogoutWord } from '../ports.ts';
import { boundedFetch } from './bounded-fetch.ts';
import { CLOCK_TOLERANCE_S, FAILED_MS, TIMEOUT_S } from './client.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** Seconds after which a logout token is too old; it is sent at once. */
const MOST_AGE_S = 300;
const LONGEST_TOKEN = 16 * 1024;

/** The provider's keys could not be had, so that nothing is known of the token. */
export class KeysAway extends Error {}

/** What a key was not found for, while the provider's keys are there. */
const NO_KEY = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported];

/** Checks logout tokens of OpenID Connect Back-Channel Logout 1.0. */
export class LogoutTokens {
  #keys: { readonly uri: string; readonly keyOf: JWTVerifyGetKey; failedAt: number | null } | null = null;

  /** What it says; null: it is none of this issuer's for this client, or too old. Rejects with `KeysAway`. */
  async read(
    token: string,
    from: { readonly issuer: string; readonly clientId: string; readonly jwksUri: string; readonly now: Date },
  ): Promise<LogoutWord | null> {
    if (token.length > LONGEST_TOKEN) return null;
    const claims = await jwtVerify(token, (header, jws) => this.#key(from.jwksUri, header, jws), {
      issuer: from.issuer,
      audience: from.clientId,
      algorithms: [...TOKEN_ALGORITHMS],
      clockTolerance: CLOCK_TOLERANCE_S,
      maxTokenAge: MOST_AGE_S,
      currentDate: from.now,
      requiredClaims: ['jti', 'iat', 'exp', 'events'],
    }).then(
      ({ payload, protectedHeader }) => (isLogout(protectedHeader.typ) ? payload : null),
      (error: unknown) => {
        if (error instanceof KeysAway) throw error;
        return null;
      },
    );
    return claims === null || 'nonce' in claims || !isObject(claims.events) || !isObject(claims.events[EVENT])
      ? null
      : wordOf(from.issuer, claims);
  }

  async #key(uri: string, ...[header, jws]: Parameters<JWTVerifyGetKey>) {
    if (this.#keys?.uri !== uri) {
      const options = { timeoutDuration: TIMEOUT_S * 1_000, [customFetch]: boundedFetch() };
      this.#keys = { uri, keyOf: createRemoteJWKSet(new URL(uri), options), failedAt: null };
    }
    const keys = this.#keys;
    const since = keys.failedAt === null ? null : Date.now() - keys.failedAt;
    if (since !== null && since >= 0 && since < FAILED_MS) throw new KeysAway('the provider’s keys were away just now');
    try {
      return await keys.keyOf(header, jws);
    } catch (error) {
      if (NO_KEY.some((kind) => error instanceof kind)) throw error;
      keys.failedAt = Date.now();
      throw new KeysAway('the provider’s keys cannot be had', { cause: error });
    }
  }
}

/** How a session of the provider's is kept and compared: whole, however long its name is. */
export function sessionDigest(sid: string): string {
  return createHash('sha256').update(sid).digest('hex');
}

function wordOf(issuer: string, { jti, sid, sub }: JWTPayload): LogoutWord | null {
  if (typeof jti !== 'string' || jti === '') return null;
  if (sid !== undefined && typeof sid !== 'string') return null;
  if (sub !== undefined && subjectIn({ sub }) === null) return null;
  if (sid === undefined && sub === undefined) return null;
  const mark = createHash('sha256')
    .update(JSON.stringify([issuer, jti]))
    .digest('hex');
  return { session: sid === undefined ? null : sessionDigest(sid), subject: sub ?? null, mark };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The type is recommended and not required; an ID token's or an access token's is another. */
function isLogout(type: string | undefined): boolean {
  return type === undefined || ['logout+jwt', 'jwt'].includes(type.toLowerCase().replace(/^application\//, ''));
}
