import { comparedEmail } from '../domain/people/email.ts';
import type { ProvenIdentity } from '../domain/people/identity.ts';
import type { IdTokenOnly, ProviderTerms } from '../ports.ts';

/** Claims whose origin was checked; what they say may be anything. */
export type Claims = Readonly<Record<string, unknown>>;

const LONGEST_NAME = 120;
const LONGEST_EMAIL = 320;
/** As OpenID Connect bounds it, and nothing that a log or a page shows as something else. */
const SUBJECT = /^[^\p{C}]{1,255}$/u;

/**
 * What the ID token and userinfo say of one subject. The ID token's claims come first; an address and whether it is verified
 * are taken from the same of both. Null: the subject cannot be kept.
 */
export function identityFrom(terms: ProviderTerms, idToken: Claims, userInfo: Claims | null): ProvenIdentity | null {
  const { sub } = idToken;
  if (!isSubject(sub)) return null;
  const all = { ...userInfo, ...idToken };
  const email = verifiedEmail('email' in idToken ? idToken : (userInfo ?? {}));
  const said = terms.claim === null ? { values: [], lacking: null } : valuesOf(all, terms.claim, terms.values);
  return { issuer: terms.issuer, subject: sub, email, name: nameIn(all) ?? email ?? sub, ...said };
}

/** Whether this is a name of an account that can be kept. */
export function isSubject(sub: unknown): sub is string {
  return typeof sub === 'string' && SUBJECT.test(sub);
}

function verifiedEmail({ email, email_verified: verified }: Claims): string | null {
  if (typeof email !== 'string' || email.length > LONGEST_EMAIL || !/^[^\s\p{C}@]+@[^\s\p{C}@]+$/u.test(email))
    return null;
  // Some providers write the word.
  return verified === true || verified === 'true' ? comparedEmail(email) : null;
}

/** What of an identity the ID token says and userinfo does not: a later userinfo that is silent takes none of it back. */
export function onlyInIdToken({ claim }: ProviderTerms, idToken: Claims, userInfo: Claims | null): IdTokenOnly {
  const isOnly = (told: (claims: Claims) => boolean): boolean =>
    told(idToken) && !(userInfo !== null && told(userInfo));
  const tellsClaim = (claims: Claims): boolean =>
    claim !== null && (claimAt(claims, claim) !== undefined || isOverage(claims, claim));
  return { claim: isOnly(tellsClaim) ? claim : null, email: isOnly((claims) => 'email' in claims) };
}

function nameIn(claims: Claims): string | null {
  for (const key of ['name', 'preferred_username']) {
    const text = claims[key];
    if (typeof text === 'string' && text.trim() !== '') return text.replace(/\p{C}/gu, ' ').slice(0, LONGEST_NAME);
  }
  return null;
}

/** Of what the claim says, the values that count; the others, of which there may be hundreds, are not kept. */
function valuesOf(
  claims: Claims,
  claim: string,
  counting: ReadonlySet<string>,
): Pick<ProvenIdentity, 'lacking' | 'values'> {
  const said = claimAt(claims, claim);
  if (said === undefined) return { values: [], lacking: isOverage(claims, claim) ? 'overage' : 'absent' };
  const list = typeof said === 'string' ? [said] : said;
  if (!Array.isArray(list)) return { values: [], lacking: 'malformed' };
  const values = new Set(list.filter((one): one is string => typeof one === 'string' && counting.has(one)));
  return { values: [...values], lacking: null };
}

/** A claim by its name, which may be a URL; else by the path that the name spells, as in `realm_access.roles`. */
function claimAt(claims: Claims, claim: string): unknown {
  if (Object.hasOwn(claims, claim)) return claims[claim];
  let at: unknown = claims;
  for (const key of claim.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Claims)[key];
  }
  return at;
}

/** Entra ID leaves a claim out that would be too long, and says where it can be asked for instead. */
function isOverage(claims: Claims, claim: string): boolean {
  const names = claims._claim_names;
  const elsewhere = typeof names === 'object' && names !== null && Object.hasOwn(names, claim);
  return elsewhere || (claim === 'groups' && (claims.hasgroups === true || claims.hasgroups === 'true'));
}
