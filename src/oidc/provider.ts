import * as client from 'openid-client';
import type { Claims } from '../domain/people/claims.ts';
import type { ProvenIdentity } from '../domain/people/identity.ts';
import type { Clock, IdentityProvider, IdTokenOnly, ProviderTerms, SignInFlow, Vouched } from '../ports.ts';
import { withinOr } from '../time/within.ts';
import { identityFrom, onlyInIdToken } from './claims.ts';
import { CLOCK_TOLERANCE_S, type ClientNow, ProviderClients } from './client.ts';
import { atTokenEndpoint, faultOf, notValidNow, unavailable } from './faults.ts';
import { KeysAway, LogoutTokens, sessionDigest } from './logout-token.ts';

/** Milliseconds that somebody who signs out waits for what the provider says of itself. */
const END_MS = 1_000;

/** The provider's tokens as they are kept. */
interface KeptTokens {
  readonly access: string;
  readonly refresh: string | null;
  /** The last ID token, by which the provider knows whom to sign out; absent in logins of an earlier release. */
  readonly id?: string | undefined;
  /** When the access token ends, in ms; null: the provider did not say. */
  readonly until: number | null;
}

/** Milliseconds for all that the provider is asked in one sign-in or one confirmation, which is claimed for longer. */
const WHOLE_MS = 15_000;

const UNFIT =
  'The provider’s name for this account (sub) cannot be used: it is too long, or has characters that do not show.';
const NONE = 'The config names no provider (oidc).';

/**
 * The `IdentityProvider` port by OpenID Connect: authorization code with PKCE. `terms`: as the config has them now. `wholeMs`:
 * for one sign-in or confirmation.
 */
export function oidcProvider(
  terms: () => ProviderTerms | null,
  clock: Clock,
  wholeMs: number = WHOLE_MS,
): IdentityProvider {
  const clients = new ProviderClients(terms, clock);
  const logoutTokens = new LogoutTokens();
  const ready = async (until: AbortSignal | null = null): Promise<ClientNow> => {
    const found = await clients.client(until).catch((error: unknown) => {
      throw unavailable(faultOf(error), error);
    });
    if (found === null) throw unavailable({ why: NONE });
    return found;
  };
  return {
    begin: async (redirectUri) => {
      const { config, terms: own } = await ready();
      const flow: SignInFlow = {
        state: client.randomState(),
        nonce: client.randomNonce(),
        verifier: client.randomPKCECodeVerifier(),
      };
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: ['openid', ...own.scopes].join(' '),
        state: flow.state,
        nonce: flow.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(flow.verifier),
        code_challenge_method: 'S256',
      });
      return { url: url.href, flow };
    },
    finish: async (callback, flow) => {
      const now = await ready(AbortSignal.timeout(wholeMs));
      try {
        return await exchange(now, callback, flow);
      } catch (error) {
        const fault = faultOf(error);
        if (fault.kind === 'away') throw unavailable(fault, error);
        return { kind: 'refused', why: fault.why };
      }
    },
    again: async (before) => {
      const now = await ready(AbortSignal.timeout(wholeMs));
      try {
        return await askAgain(now, before);
      } catch (error) {
        const fault = faultOf(error);
        if (fault.kind === 'denied' && isOver(before.tokens, now.now)) return 'lapsed';
        // What cannot be trusted confirms nobody, and a client that is set up wrongly is no reason to sign everybody out.
        if (fault.kind !== 'denied') throw unavailable(fault, error);
        return 'gone';
      }
    },
    forget: async (tokens) => {
      const { access, refresh } = JSON.parse(tokens) as KeptTokens;
      const found = await clients.client().catch(() => null);
      if (found?.config.serverMetadata().revocation_endpoint === undefined) return;
      await client.tokenRevocation(found.config, refresh ?? access).catch(() => undefined);
    },
    endOfSession: async (tokens) => {
      const { id } = JSON.parse(tokens) as KeptTokens;
      // Whoever signs out is not kept waiting by a provider that is away.
      const found = await withinOr(
        END_MS,
        clients.client().catch(() => null),
        null,
      );
      const metadata = found?.config.serverMetadata();
      if (!found || !isWebAddress(metadata?.end_session_endpoint, found.terms)) return null;
      return client.buildEndSessionUrl(found.config, id === undefined ? {} : { id_token_hint: id }).href;
    },
    logout: async (token) => {
      const { config, terms: own, now } = await ready();
      const jwksUri = config.serverMetadata().jwks_uri;
      if (jwksUri === undefined) return null;
      const from = { issuer: own.issuer, clientId: own.clientId, jwksUri, now };
      return logoutTokens.read(token, from).catch((error: unknown) => {
        throw error instanceof KeysAway ? unavailable({ why: error.message }, error) : error;
      });
    },
  };
}

async function exchange(now: ClientNow, callback: URL, flow: SignInFlow) {
  const { config, terms } = now;
  const tokens = await client
    .authorizationCodeGrant(config, callback, {
      pkceCodeVerifier: flow.verifier,
      expectedState: flow.state,
      expectedNonce: flow.nonce,
      idTokenExpected: true,
    })
    .catch(atTokenEndpoint);
  now.keep();
  const claims = tokens.claims() as Claims;
  // The library asks of the future only where a token says from when on it is good, which few do.
  if (Number(claims.iat) > now.now.getTime() / 1_000 + CLOCK_TOLERANCE_S)
    return { kind: 'refused', why: notValidNow('iat') } as const;
  const userInfo = await userInfoOf(now, tokens.access_token, String(claims.sub));
  const identity = identityFrom(terms, claims, userInfo);
  if (identity === null) return { kind: 'refused', why: UNFIT } as const;
  const session = typeof claims.sid === 'string' ? sessionDigest(claims.sid) : null;
  return { identity, session, onlyInIdToken: onlyInIdToken(terms, claims, userInfo), tokens: kept(now, tokens, null) };
}

/** By the refresh token where there is one; else by userinfo, as long as the access token is good. */
async function askAgain(now: ClientNow, before: Vouched): Promise<Vouched | 'gone' | 'lapsed'> {
  const { identity, session, tokens } = before;
  const had = JSON.parse(tokens) as KeptTokens;
  const { access, refresh } = had;
  const { subject } = identity;
  if (refresh === null) {
    const userInfo = await userInfoOf(now, access, subject);
    // Without either there is nothing to ask by.
    if (userInfo === null) return 'lapsed';
    const again = withoutIdToken(now.terms, before, userInfo);
    return again === null ? 'gone' : { ...again, session, tokens };
  }
  const fresh = await client.refreshTokenGrant(now.config, refresh).catch(atTokenEndpoint);
  now.keep();
  const claims = fresh.claims() as Claims | undefined;
  if (claims !== undefined && claims.sub !== subject) return 'gone';
  const userInfo = await userInfoOf(now, fresh.access_token, subject);
  const next = { session, tokens: kept(now, fresh, had) };
  if (claims !== undefined) {
    const again = identityFrom(now.terms, claims, userInfo);
    const onlyThere = onlyInIdToken(now.terms, claims, userInfo);
    return again === null ? 'gone' : { ...next, identity: again, onlyInIdToken: onlyThere };
  }
  // Nothing new was said of the person.
  if (userInfo === null) return { ...before, ...next };
  const again = withoutIdToken(now.terms, before, userInfo);
  return again === null ? 'gone' : { ...next, ...again };
}

/**
 * Some providers say groups or addresses in ID tokens only: where there is no new one, these are as they were. What userinfo
 * said before and leaves out now is taken back. null: the subject cannot be kept.
 */
function withoutIdToken(
  terms: ProviderTerms,
  { identity, onlyInIdToken: before }: Vouched,
  userInfo: Claims,
): { readonly identity: ProvenIdentity; readonly onlyInIdToken: IdTokenOnly } | null {
  const again = identityFrom(terms, { sub: identity.subject }, userInfo);
  if (again === null) return null;
  const claim = again.lacking === 'absent' && before.claim === terms.claim ? before.claim : null;
  const email = before.email && !('email' in userInfo);
  const { values, lacking } = claim === null ? again : identity;
  return {
    identity: { ...again, email: email ? identity.email : again.email, values, lacking },
    onlyInIdToken: { claim, email },
  };
}

/** Whether the provider refuses these because they are over, which says nothing of the account. */
function isOver(tokens: string, now: Date): boolean {
  const { refresh, until } = JSON.parse(tokens) as KeptTokens;
  return refresh === null && until !== null && now.getTime() >= until - CLOCK_TOLERANCE_S * 1_000;
}

/** null: the provider has no userinfo. */
async function userInfoOf({ config }: ClientNow, access: string, subject: string): Promise<Claims | null> {
  if (config.serverMetadata().userinfo_endpoint === undefined) return null;
  return (await client.fetchUserInfo(config, access, subject)) as Claims;
}

/** ID tokens that are longer are not kept: they would not fit into an address either. */
const LONGEST_ID = 6_000;

/** `before`: what was kept, where there is nothing new. */
function kept({ now }: ClientNow, tokens: client.TokenEndpointResponse, before: KeptTokens | null): string {
  const seconds = tokens.expires_in;
  const until = typeof seconds === 'number' ? now.getTime() + seconds * 1_000 : null;
  const id = tokens.id_token ?? before?.id;
  return JSON.stringify({
    access: tokens.access_token,
    refresh: tokens.refresh_token ?? before?.refresh ?? null,
    until,
    ...(id !== undefined && id.length <= LONGEST_ID ? { id } : {}),
  } satisfies KeptTokens);
}

/** What the provider names is where a page leads: https, or http where the provider itself is on this machine. */
function isWebAddress(text: string | undefined, { issuer }: ProviderTerms): boolean {
  if (text === undefined || !URL.canParse(text)) return false;
  const { protocol } = new URL(text);
  return protocol === 'https:' || (protocol === 'http:' && issuer.startsWith('http:'));
}
