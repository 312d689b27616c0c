import * as client from 'openid-client';
import type { Claims } from '../domain/people/claims.ts';
import type { ProvenIdentity } from '../domain/people/identity.ts';
import type { Clock, IdentityProvider, ProviderTerms, SignInFlow, Vouched } from '../ports.ts';
import { identityFrom } from './claims.ts';
import { type ClientNow, ProviderClients } from './client.ts';
import { faultOf, unavailable } from './faults.ts';
import { LogoutTokens } from './logout-token.ts';

/** The provider's tokens as they are kept. */
interface KeptTokens {
  readonly access: string;
  readonly refresh: string | null;
}

const UNFIT =
  'The provider’s name for this account (sub) cannot be used: it is too long, or has characters that do not show.';
const NONE = 'The config names no provider (oidc).';

/** The `IdentityProvider` port by OpenID Connect: authorization code with PKCE. `terms`: as the config has them now. */
export function oidcProvider(terms: () => ProviderTerms | null, clock: Clock): IdentityProvider {
  const clients = new ProviderClients(terms, clock);
  const logoutTokens = new LogoutTokens();
  const ready = async (): Promise<ClientNow> => {
    const found = await clients.client().catch((error: unknown) => {
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
      const now = await ready();
      try {
        return await exchange(now, callback, flow);
      } catch (error) {
        const fault = faultOf(error);
        if (fault.kind === 'away') throw unavailable(fault, error);
        return { kind: 'refused', why: fault.why };
      }
    },
    again: async (before) => {
      const now = await ready();
      try {
        return await askAgain(now, before);
      } catch (error) {
        const fault = faultOf(error);
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
    logout: async (token) => {
      const { config, terms: own, now } = await ready();
      const jwksUri = config.serverMetadata().jwks_uri;
      if (jwksUri === undefined) return null;
      return logoutTokens.read(token, { issuer: own.issuer, clientId: own.clientId, jwksUri, now });
    },
  };
}

async function exchange(now: ClientNow, callback: URL, flow: SignInFlow) {
  const { config, terms } = now;
  const tokens = await client.authorizationCodeGrant(config, callback, {
    pkceCodeVerifier: flow.verifier,
    expectedState: flow.state,
    expectedNonce: flow.nonce,
    idTokenExpected: true,
  });
  now.keep();
  const claims = tokens.claims() as Claims;
  const userInfo = await userInfoOf(now, tokens.access_token, String(claims.sub));
  const identity = identityFrom(terms, claims, userInfo);
  if (identity === null) return { kind: 'refused', why: UNFIT } as const;
  const session = typeof claims.sid === 'string' ? claims.sid.slice(0, 255) : null;
  return { identity, session, tokens: kept(tokens.access_token, tokens.refresh_token ?? null) };
}

/** By the refresh token where there is one; else by userinfo, as long as the access token is good. */
async function askAgain(now: ClientNow, { identity, session, tokens }: Vouched): Promise<Vouched | 'gone'> {
  const { access, refresh } = JSON.parse(tokens) as KeptTokens;
  const { subject } = identity;
  if (refresh === null) {
    const userInfo = await userInfoOf(now, access, subject);
    // Without either there is nothing to ask by.
    const again = userInfo === null ? null : identityFrom(now.terms, { sub: subject }, userInfo);
    return again === null || userInfo === null
      ? 'gone'
      : { identity: withoutIdToken(identity, again, userInfo), session, tokens };
  }
  const fresh = await client.refreshTokenGrant(now.config, refresh);
  now.keep();
  const claims = (fresh.claims() ?? { sub: subject }) as Claims;
  if (claims.sub !== subject) return 'gone';
  const userInfo = await userInfoOf(now, fresh.access_token, subject);
  const nextTokens = kept(fresh.access_token, fresh.refresh_token ?? refresh);
  // Nothing new was said of the person.
  if (fresh.claims() === undefined && userInfo === null) return { identity, session, tokens: nextTokens };
  const again = identityFrom(now.terms, claims, userInfo);
  if (again === null) return 'gone';
  const isWhole = fresh.claims() !== undefined || userInfo === null;
  return { identity: isWhole ? again : withoutIdToken(identity, again, userInfo), session, tokens: nextTokens };
}

/** Some providers say groups or addresses in ID tokens only: where there is no new one, these are as they were. */
function withoutIdToken(before: ProvenIdentity, again: ProvenIdentity, userInfo: Claims): ProvenIdentity {
  const said = again.lacking === 'absent' ? before : again;
  const email = 'email' in userInfo ? again.email : before.email;
  return { ...again, email, values: said.values, lacking: said.lacking };
}

/** null: the provider has no userinfo. */
async function userInfoOf({ config }: ClientNow, access: string, subject: string): Promise<Claims | null> {
  if (config.serverMetadata().userinfo_endpoint === undefined) return null;
  return (await client.fetchUserInfo(config, access, subject)) as Claims;
}

function kept(access: string, refresh: string | null): string {
  return JSON.stringify({ access, refresh } satisfies KeptTokens);
}
