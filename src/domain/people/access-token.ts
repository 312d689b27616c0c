import { type Claims, subjectIn, verifiedEmail } from './claims.ts';

/** Seconds by which the provider's clock and ours may differ. */
export const TOKEN_LEEWAY_S = 60;
/** Characters of a token, which is a header's value. */
export const LONGEST_TOKEN = 16 * 1024;

/** Signatures that nobody can make who only knows what is public. */
export const TOKEN_ALGORITHMS: readonly string[] = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** An account at the provider, as an access token tells of it. */
export interface AgentAccount {
  readonly issuer: string;
  /** Exact. */
  readonly subject: string;
  /** In lower case, and only where the provider calls it verified; null: it does not. */
  readonly email: string | null;
  readonly scopes: ReadonlySet<string>;
  readonly claims: Claims;
  readonly expiresAt: Date;
  /** For how long the token was made, in ms. */
  readonly lifetimeMs: number;
}

/** Why a token is refused, in one word, for the log. */
export type TokenFault =
  | 'size'
  | 'form'
  | 'duplicate'
  | 'algorithm'
  | 'type'
  | 'crit'
  | 'key'
  | 'signature'
  | 'issuer'
  | 'audience'
  | 'id_token'
  | 'times'
  | 'expired'
  | 'not_yet'
  | 'lifetime'
  | 'subject'
  /** The provider says that it is not good any more. */
  | 'inactive'
  /** The same of one that is no signed one, so that it may never have been good. */
  | 'unknown'
  /** What the provider says of it is not what it says itself. */
  | 'mismatch';

export interface RefusedToken {
  readonly kind: 'refused';
  readonly fault: TokenFault;
  /** ASCII without quotes, as a header needs it; what is wrong, and what to do. Nothing of the token but times and names. */
  readonly why: string;
}

export interface TokenTerms {
  readonly issuer: string;
  /** Any one of them will do. */
  readonly audiences: readonly string[];
  /** Milliseconds for which a token may be good. */
  readonly longestMs: number;
}

export function refusedToken(fault: TokenFault, why: string): RefusedToken {
  return { kind: 'refused', fault, why };
}

/** RFC 9068 says `at+jwt`; most providers write `JWT`, some nothing. */
const TYPES: ReadonlySet<string> = new Set(['at+jwt', 'application/at+jwt', 'jwt', 'application/jwt']);

/** What a token's header must be before its signature is looked at. Where to find a key, it does not say: `jku`, `jwk`, `x5u` and `x5c` are not read. */
export function judgeTokenHeader(header: Claims): RefusedToken | null {
  const { alg, typ } = header;
  if (typeof alg !== 'string' || !TOKEN_ALGORITHMS.includes(alg))
    return refusedToken('algorithm', `Its algorithm is not one of ${TOKEN_ALGORITHMS.join(', ')}.`);
  if (Object.hasOwn(header, 'crit'))
    return refusedToken('crit', 'It demands an extension (crit) that is not known here.');
  if (typ === undefined || (typeof typ === 'string' && TYPES.has(typ.toLowerCase()))) return null;
  return refusedToken('type', 'Its typ is neither at+jwt nor JWT: it is no access token.');
}

/** What the claims of a token say whose signature is good. */
export function judgeTokenClaims(
  header: Claims,
  claims: Claims,
  terms: TokenTerms,
  now: Date,
): RefusedToken | { readonly kind: 'account'; readonly account: AgentAccount } {
  const { issuer, audiences } = terms;
  if (claims.iss !== issuer) return refusedToken('issuer', `Its issuer is not ${issuer}.`);
  if (isIdToken(header, claims))
    return refusedToken('id_token', 'It is an ID token or a logout token. Send the access token.');
  const { aud } = claims;
  const named = typeof aud === 'string' ? [aud] : Array.isArray(aud) ? aud : [];
  const meant = named.filter((one): one is string => audiences.includes(one));
  if (meant.length === 0)
    return refusedToken(
      'audience',
      `Its audience (aud) is none of ${audiences.join(', ')}. Ask for a token for this server.`,
    );
  // The audience of an ID token is its client, and one without nonce and at_hash has no other mark.
  if (!meant.some((one) => URL.canParse(one)) && !saysAccess(header, claims))
    return refusedToken(
      'id_token',
      'It may be an ID token: its audience is no address, and it has neither scp nor scope nor the typ at+jwt. Send the access token.',
    );
  const times = judgeTimes(claims, terms, now);
  if ('kind' in times) return times;
  const subject = subjectIn(claims);
  if (subject === null)
    return refusedToken('subject', 'Its subject (sub) is missing, is no text, or is longer than 255 characters.');
  const account = { issuer, subject, email: verifiedEmail(claims), scopes: scopesIn(claims), claims, ...times };
  return { kind: 'account', account };
}

/** All in seconds since the epoch. */
function judgeTimes(
  { exp, nbf, iat }: Claims,
  { longestMs }: TokenTerms,
  at: Date,
): RefusedToken | Pick<AgentAccount, 'expiresAt' | 'lifetimeMs'> {
  const now = at.getTime() / 1_000;
  const isTime = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value < 1e11;
  if (!isTime(exp)) return refusedToken('times', 'It does not say until when it is good (exp).');
  if ((nbf !== undefined && !isTime(nbf)) || (iat !== undefined && !isTime(iat)))
    return refusedToken('times', 'Its times (nbf, iat) are no numbers.');
  if (now >= exp + TOKEN_LEEWAY_S) return refusedToken('expired', 'It has expired. Get a new one.');
  const begins = Math.max(Number(nbf ?? 0), Number(iat ?? 0));
  if (begins > now + TOKEN_LEEWAY_S) {
    const clocks = `the clocks of the provider and of this gateway differ by more than ${TOKEN_LEEWAY_S} seconds (NTP)`;
    return refusedToken('not_yet', `It is not valid yet: ${clocks}.`);
  }
  const lifetimeMs = Math.round((exp - Number(iat ?? nbf ?? now)) * 1_000);
  if (Math.max(lifetimeMs, (exp - now) * 1_000) > longestMs + TOKEN_LEEWAY_S * 1_000) {
    const most = `${Math.round(longestMs / 60_000)} minutes (oauth.longest)`;
    return refusedToken('lifetime', `It is good for longer than ${most}. Let the provider make shorter ones.`);
  }
  return { expiresAt: new Date(exp * 1_000), lifetimeMs };
}

/**
 * What a client gets beside the access token, and must not use in its place. Keycloak writes `nonce` into access tokens too,
 * and says of each what it is.
 */
function isIdToken(header: Claims, claims: Claims): boolean {
  if (['at_hash', 'c_hash', 's_hash', 'events'].some((claim) => Object.hasOwn(claims, claim))) return true;
  if (claims.typ === 'ID' || claims.token_use === 'id') return true;
  return Object.hasOwn(claims, 'nonce') && !isMarkedAccess(header, claims);
}

/** Keycloak, Cognito and RFC 9068 each have a mark of their own. */
function isMarkedAccess({ typ }: Claims, claims: Claims): boolean {
  return claims.typ === 'Bearer' || claims.token_use === 'access' || String(typ).toLowerCase().endsWith('at+jwt');
}

/** Has what ID tokens have not. `idtyp` is Entra ID's, of tokens of an application by itself. */
function saysAccess(header: Claims, claims: Claims): boolean {
  return isMarkedAccess(header, claims) || scopesIn(claims).size > 0 || claims.idtyp === 'app';
}

/** `scope` is a text with blanks (RFC 8693); Entra ID, Okta and others write `scp`, as a text or a list. */
function scopesIn({ scope, scp }: Claims): ReadonlySet<string> {
  const lists = [scope, scp].map((said) =>
    typeof said === 'string' ? said.split(' ') : Array.isArray(said) ? said : [],
  );
  return new Set(lists.flat().filter((one): one is string => typeof one === 'string' && one !== ''));
}
