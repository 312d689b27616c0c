import { comparedEmail } from './email.ts';

/** Claims whose origin was checked; what they say may be anything. */
export type Claims = Readonly<Record<string, unknown>>;

const LONGEST_EMAIL = 320;
/** As OpenID Connect bounds it, and nothing that a log or a page shows as something else. */
const SUBJECT = /^[^\p{C}]{1,255}$/u;

/** The account's name at its provider; null: it cannot be kept. */
export function subjectIn({ sub }: Claims): string | null {
  return typeof sub === 'string' && SUBJECT.test(sub) ? sub : null;
}

/** As it is compared, and only where the provider calls it verified. */
export function verifiedEmail({ email, email_verified: verified }: Claims): string | null {
  if (typeof email !== 'string' || email.length > LONGEST_EMAIL || !/^[^\s\p{C}@]+@[^\s\p{C}@]+$/u.test(email))
    return null;
  // Some providers write the word.
  return verified === true || verified === 'true' ? comparedEmail(email) : null;
}

/** A claim by its name, which may be a URL; else by the path that the name spells, as in `realm_access.roles`. */
export function claimAt(claims: Claims, claim: string): unknown {
  if (Object.hasOwn(claims, claim)) return claims[claim];
  let at: unknown = claims;
  for (const key of claim.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Claims)[key];
  }
  return at;
}

/** Whether a claim is this text, or a list with it. */
export function claimHolds(claims: Claims, claim: string, text: string): boolean {
  const said = claimAt(claims, claim);
  return Array.isArray(said) ? said.includes(text) : said === text;
}

/** Entra ID leaves a claim out that would be too long, and says where it can be asked for instead. */
export function isOverage(claims: Claims, claim: string): boolean {
  const names = claims._claim_names;
  const elsewhere = typeof names === 'object' && names !== null && Object.hasOwn(names, claim);
  return elsewhere || (claim === 'groups' && (claims.hasgroups === true || claims.hasgroups === 'true'));
}
