import * as client from 'openid-client';
import { Unavailable } from '../ports.ts';
import { AnswerTooLong } from './bounded-fetch.ts';
import { CLOCK_TOLERANCE_S } from './client.ts';

/** What went wrong between the provider and us. */
export type ProviderFault =
  /** It does not answer, or is not able to. */
  | { readonly kind: 'away'; readonly why: string }
  /** It answered and said no to the account, its session or the code. */
  | { readonly kind: 'denied'; readonly why: string }
  /** What it sent cannot be trusted, or this client is set up wrongly. */
  | { readonly kind: 'wrong'; readonly why: string };

/** The token endpoint wants another client, or the client's secret: it says nothing of any account. */
export class ClientNotTaken extends Error {}

/** What the token endpoint's errors are thrown as. */
export function atTokenEndpoint(error: unknown): never {
  if (error instanceof client.WWWAuthenticateChallengeError && error.status < 500 && error.status !== 429)
    throw new ClientNotTaken('the token endpoint did not take this client', { cause: error });
  throw error;
}

/** What this error of `openid-client` means, in words for the person who signs in. They hold no token. */
export function faultOf(error: unknown): ProviderFault {
  if (error instanceof ClientNotTaken)
    return wrong(`The provider refused this gateway (invalid_client). ${help('invalid_client')}`);
  if (causes(error).some((one) => one instanceof AnswerTooLong))
    return wrong('What the provider sent cannot be trusted: an answer is too long. See docs/identity.md.');
  if (error instanceof client.AuthorizationResponseError)
    return { kind: 'denied', why: `The provider refused the sign-in (${shown(error.error)}). ${help(error.error)}` };
  if (error instanceof client.ResponseBodyError) {
    if (error.status >= 500 || error.status === 429) return away(`it answered ${error.status}`);
    if (error.error === 'invalid_grant')
      return {
        kind: 'denied',
        why: 'The provider did not take the code: it was used before, or is too old. Sign in again.',
      };
    return { kind: 'wrong', why: `The provider refused this gateway (${shown(error.error)}). ${help(error.error)}` };
  }
  if (error instanceof client.WWWAuthenticateChallengeError) {
    if (error.status >= 500 || error.status === 429) return away(`it answered ${error.status}`);
    // 403 is an access token that is good, and may not do this.
    if (error.status !== 401) return wrong(`The provider refused this gateway (${error.status}). ${help('')}`);
    return { kind: 'denied', why: 'The provider no longer accepts this session. Sign in again.' };
  }
  const code = codeOf(error);
  if (code === 'OAUTH_TIMEOUT' || code === 'OAUTH_ABORT') return away('it took too long');
  if (error instanceof client.ClientError) return fromClient(error, code);
  return away(error instanceof Error && error.name === 'TypeError' ? 'no connection' : 'no answer');
}

export function unavailable({ why }: { readonly why: string }, error?: unknown): Unavailable {
  return new Unavailable('provider', why, { cause: error });
}

function away(why: string): ProviderFault {
  return { kind: 'away', why: `The sign-in provider does not answer (${why}). Try again in a minute.` };
}

function fromClient(error: client.ClientError, code: string | null): ProviderFault {
  const status = statusOf(error);
  if (code === 'OAUTH_RESPONSE_IS_NOT_CONFORM' && status !== null && (status >= 500 || status === 429))
    return away(`it answered ${status}`);
  const claim = claimOf(error);
  switch (code) {
    case 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED':
      return wrong(notValidNow(claim ?? 'its times'));
    case 'OAUTH_JWT_CLAIM_COMPARISON_FAILED':
      return wrong(
        `The ID token is not for this sign-in (${claim ?? 'a claim'} does not fit). ${CLAIM_HELP[claim ?? ''] ?? 'Sign in again.'}`,
      );
    case 'OAUTH_INVALID_RESPONSE':
    case 'OAUTH_MISSING_SERVER_METADATA':
    case 'OAUTH_INVALID_SERVER_METADATA':
    case 'OAUTH_RESPONSE_IS_NOT_CONFORM':
    case 'OAUTH_RESPONSE_IS_NOT_JSON':
    case 'OAUTH_KEY_SELECTION_FAILED':
    case 'OAUTH_UNSUPPORTED_OPERATION':
    case 'OAUTH_PARSE_ERROR':
      return wrong(
        `What the provider sent cannot be trusted: ${detail(error)}. Start the sign-in again; if that does not help, see docs/identity.md.`,
      );
    default:
      return wrong(
        `The sign-in failed: ${detail(error)}. Start it again; if that does not help, see docs/identity.md.`,
      );
  }
}

/** `what`: the claim that does not fit the time. */
export function notValidNow(what: string): string {
  return `The ID token is not valid now (${what}): it is too old, or the clocks of the provider and of this gateway differ by more than ${CLOCK_TOLERANCE_S} seconds. Check the time (NTP) on both, then sign in again.`;
}

const CLAIM_HELP: Readonly<Record<string, string>> = {
  aud: 'Compare oidc.client_id with the client at the provider.',
  iss: 'Compare oidc.issuer with the issuer in the provider’s discovery document; they must be the same text.',
  nonce: 'It belongs to another sign-in. Start again.',
};

const CODE_HELP: Readonly<Record<string, string>> = {
  access_denied: 'You, or the provider’s rules, declined. Ask its administrator to assign you to this client.',
  invalid_client: 'Compare oidc.client_id and HOLDFAST_OIDC_CLIENT_SECRET with the client at the provider.',
  unauthorized_client: 'Let the client at the provider use the authorization code flow.',
  invalid_scope: 'The provider does not know one of oidc.scopes.',
  login_required: 'Sign in at the provider first.',
};

function help(code: string): string {
  return CODE_HELP[code] ?? 'Sign in again; the provider’s log says more.';
}

function wrong(why: string): ProviderFault {
  return { kind: 'wrong', why };
}

function codeOf(error: unknown): string | null {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : null;
}

/** The chain of causes, the error itself first. */
function causes(error: unknown): unknown[] {
  const found: unknown[] = [];
  for (let at = error; at !== undefined && at !== null && found.length < 5; at = (at as { cause?: unknown }).cause)
    found.push(at);
  return found;
}

function statusOf(error: unknown): number | null {
  const response = causes(error).find((one): one is Response => one instanceof Response);
  return response?.status ?? null;
}

function claimOf(error: unknown): string | null {
  for (const one of causes(error)) {
    const claim = (one as { claim?: unknown }).claim;
    if (typeof claim === 'string') return shown(claim);
  }
  return null;
}

/** The library's own words, which name what is wrong and never a token. */
function detail(error: Error): string {
  const inner = causes(error).find((one): one is Error => one instanceof Error && one !== error);
  return shown((inner ?? error).message);
}

function shown(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, ' ').slice(0, 160);
}
