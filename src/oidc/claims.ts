import { type Claims, claimAt, isOverage, subjectIn, verifiedEmail } from '../domain/people/claims.ts';
import type { ProvenIdentity } from '../domain/people/identity.ts';
import type { IdTokenOnly, ProviderTerms } from '../ports.ts';

const LONGEST_NAME = 120;

/**
 * What the ID token and userinfo say of one subject. The ID token's claims come first; an address and whether it is verified
 * are taken from the same of both. Null: the subject cannot be kept.
 */
export function identityFrom(terms: ProviderTerms, idToken: Claims, userInfo: Claims | null): ProvenIdentity | null {
  const sub = subjectIn(idToken);
  if (sub === null) return null;
  const all = { ...userInfo, ...idToken };
  const email = verifiedEmail('email' in idToken ? idToken : (userInfo ?? {}));
  const said = terms.claim === null ? { values: [], lacking: null } : valuesOf(all, terms.claim, terms.values);
  return { issuer: terms.issuer, subject: sub, email, name: nameIn(all) ?? email ?? sub, ...said };
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
