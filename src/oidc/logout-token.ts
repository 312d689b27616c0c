import { createRemoteJWKSet, jwtVerify } from 'jose';
import { TOKEN_ALGORITHMS } from '../domain/people/access-token.ts';
import { CLOCK_TOLERANCE_S, TIMEOUT_S } from './client.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** Seconds after which a logout token is too old; it is sent at once. */
const MOST_AGE_S = 300;
const LONGEST_TOKEN = 16 * 1024;

type RemoteKeys = ReturnType<typeof createRemoteJWKSet>;

/** Checks logout tokens of OpenID Connect Back-Channel Logout 1.0. */
export class LogoutTokens {
  #keys: { readonly uri: string; readonly set: RemoteKeys } | null = null;

  /** What it says; null: it is none of this issuer's for this client, or too old. */
  async read(
    token: string,
    from: { readonly issuer: string; readonly clientId: string; readonly jwksUri: string; readonly now: Date },
  ): Promise<{ readonly session: string | null; readonly subject: string | null } | null> {
    if (token.length > LONGEST_TOKEN) return null;
    const claims = await jwtVerify(token, this.#keysAt(from.jwksUri), {
      issuer: from.issuer,
      audience: from.clientId,
      algorithms: [...TOKEN_ALGORITHMS],
      clockTolerance: CLOCK_TOLERANCE_S,
      maxTokenAge: MOST_AGE_S,
      currentDate: from.now,
      requiredClaims: ['jti', 'iat', 'events'],
    }).then(
      ({ payload, protectedHeader }) => (isLogout(protectedHeader.typ) ? payload : null),
      () => null,
    );
    if (claims === null || 'nonce' in claims) return null;
    const { events, sid, sub } = claims;
    if (typeof events !== 'object' || events === null || !Object.hasOwn(events, EVENT)) return null;
    const session = typeof sid === 'string' ? sid : null;
    const subject = typeof sub === 'string' ? sub : null;
    return session === null && subject === null ? null : { session, subject };
  }

  #keysAt(uri: string): RemoteKeys {
    if (this.#keys?.uri !== uri)
      this.#keys = { uri, set: createRemoteJWKSet(new URL(uri), { timeoutDuration: TIMEOUT_S * 1_000 }) };
    return this.#keys.set;
  }
}

/** The type is recommended and not required; an ID token's or an access token's is another. */
function isLogout(type: string | undefined): boolean {
  return type === undefined || ['logout+jwt', 'jwt'].includes(type.toLowerCase().replace(/^application\//, ''));
}
