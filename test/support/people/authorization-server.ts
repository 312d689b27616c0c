import { createServer } from 'node:http';
// It has no types of its own.
// @ts-expect-error
import Provider from 'oidc-provider';
import { freePort } from '../port.ts';
import { Jar } from './browserless.ts';

/** A real authorization server at which clients register by themselves, and ask for tokens for one resource. */
export interface AuthorizationServer {
  readonly issuer: string;
  /** Requests that it has had, as `POST /reg`. */
  readonly asked: string[];
  /** Seconds for which its access tokens are good, from now on. */
  lifetimeS: number;
  close(): Promise<void>;
}

/** The client that may ask it about tokens. */
export const RESOURCE_SERVER = { id: 'the-gateway', secret: 'the-gateways-secret-at-the-provider' };

/** Everybody is whom they say they are in its form; `groups` of all of them are these. `opaque`: its access tokens are no JWTs; it can be asked about them. */
export async function authorizationServer(groups: readonly string[], opaque = false): Promise<AuthorizationServer> {
  const issuer = `http://localhost:${await freePort()}`;
  const asked: string[] = [];
  const own = { lifetimeS: 600 };
  const provider = new Provider(issuer, {
    clients: [
      {
        ...{ client_id: RESOURCE_SERVER.id, client_secret: RESOURCE_SERVER.secret },
        ...{ redirect_uris: [], response_types: [], grant_types: [] },
      },
    ],
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: true },
      registration: { enabled: true },
      revocation: { enabled: true },
      introspection: { enabled: opaque, allowedPolicy: async () => true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: async () => true,
        getResourceServerInfo: async (_: unknown, resource: string) => ({
          ...{ scope: 'mcp', audience: resource, accessTokenTTL: own.lifetimeS },
          ...(opaque ? { accessTokenFormat: 'opaque' } : { accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
        }),
      },
    },
    scopes: ['openid', 'offline_access', 'mcp'],
    extraTokenClaims: async () => ({ groups }),
    cookies: { keys: ['a-key-of-the-test-provider'] },
    ttl: {
      AccessToken: () => own.lifetimeS,
      Session: 3600,
      Interaction: 600,
      Grant: 3600,
      RefreshToken: 3600,
      IdToken: 600,
    },
    issueRefreshToken: async () => true,
    findAccount: (_: unknown, id: string) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  });
  const handle = provider.callback();
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url?.split('?')[0]}`);
    handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(Number(new URL(issuer).port), 'localhost', resolve));
  return Object.assign(own, {
    issuer,
    asked,
    close: async (): Promise<void> => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

/** What a person does whom a client has sent to this address: says who they are, and yes. The address that they are sent back to. */
export async function consentAs(
  login: string,
  authorization: string,
  isBack: (url: string) => boolean,
): Promise<string> {
  const jar = new Jar();
  let { url, response } = await jar.follow(authorization, isBack);
  for (let forms = 0; forms < 3 && !isBack(url); forms += 1) {
    const page = await response.text();
    const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
    if (prompt === undefined) throw new Error(`no form at ${url}: ${response.status} ${page.slice(0, 400)}`);
    const action = /action="([^"]+)"/.exec(page)?.[1] ?? url;
    const body = new URLSearchParams({ prompt, login, password: 'x' });
    const posted = await jar.fetch(new URL(action, url).href, { method: 'POST', body });
    const to = new URL(posted.headers.get('location')!, url).href;
    ({ url, response } = isBack(to) ? { url: to, response: posted } : await jar.follow(to, isBack));
  }
  return url;
}
