import { type RefusedToken, refusedToken } from './access-token.ts';
import type { Claims } from './claims.ts';

/** What the provider said of a token when it was asked about it (RFC 7662), as far as it counts here. */
export type IntrospectedToken =
  | RefusedToken
  /** `claims`: those of the token, narrowed to what the provider said. */
  | { readonly kind: 'active'; readonly claims: Claims };

/** What the answer says of a signed token with these claims. `answer.active` is a boolean. */
export function judgeIntrospected(answer: Claims, claims: Claims): IntrospectedToken {
  if (answer.active !== true)
    return refusedToken('inactive', 'The provider says that it is not good any more (active is false). Get a new one.');
  const differs = (['iss', 'sub'] as const).find((claim) => said(answer, claim) && answer[claim] !== claims[claim]);
  if (differs !== undefined) return mismatch(differs);
  if (!said(answer, 'aud')) return until(answer, claims);
  // It may say a part of the audiences, and no other.
  const meant = listed(claims.aud);
  if (!listed(answer.aud).every((one) => meant.includes(one))) return mismatch('aud');
  return until(answer, { ...claims, aud: answer.aud });
}

/** What the answer says of a token of which nothing else is known. `issuer`: who was asked. */
export function judgeOpaque(answer: Claims, issuer: string): IntrospectedToken {
  if (answer.active !== true)
    return refusedToken(
      'unknown',
      'The provider does not know it, or says that it is not good any more. Get a new one.',
    );
  const { token_type: type, token_use: use, typ } = answer;
  const isOther = ['refresh_token', 'id'].includes(String(use)) || ['Refresh', 'Offline', 'ID'].includes(String(typ));
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer' || isOther)
    return refusedToken('type', 'The provider does not call it an access token (token_type Bearer).');
  return { kind: 'active', claims: { ...answer, iss: answer.iss ?? issuer } };
}

/** The earlier end counts. */
function until(answer: Claims, claims: Claims): IntrospectedToken {
  if (!said(answer, 'exp')) return { kind: 'active', claims };
  if (typeof answer.exp !== 'number') return mismatch('exp');
  return { kind: 'active', claims: { ...claims, exp: Math.min(answer.exp, Number(claims.exp)) } };
}

function mismatch(claim: string): RefusedToken {
  return refusedToken('mismatch', `What the provider says of it (${claim}) is not what it says itself.`);
}

function said(answer: Claims, claim: string): boolean {
  return answer[claim] !== undefined && answer[claim] !== null;
}

function listed(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}
