import { createServer, type Server } from 'node:http';
// It has no types of its own.
// @ts-expect-error
import Provider from 'oidc-provider';
import { freePort } from '../port.ts';

export interface Account {
  readonly name?: string;
  readonly email?: string;
  readonly email_verified?: boolean;
  readonly groups?: readonly string[];
}

/** A real OpenID provider on this machine, whose people and answers a test changes as it goes. */
export interface TestProvider {
  readonly issuer: string;
  /** By what is typed into the provider's form, which is the subject. */
  readonly accounts: Map<string, Account>;
  /** Refuses connections from now on, or takes them again. */
  away(isAway: boolean): Promise<void>;
  /** Requests that it has had, as `POST /token`. */
  readonly asked: string[];
  close(): Promise<void>;
}

export const CLIENT_SECRET = 'client-secret-for-tests-only';

/** `gateway`: where the gateway listens, to which the provider sends people back. */
export async function startProvider(
  gateway: string,
  options: { readonly refreshTokens?: boolean; readonly publicClient?: boolean; readonly accessTtl?: number } = {},
): Promise<TestProvider> {
  const accounts = new Map<string, Account>();
  const asked: string[] = [];
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'holdfast',
        ...(options.publicClient
          ? { token_endpoint_auth_method: 'none' }
          : { client_secret: CLIENT_SECRET, token_endpoint_auth_method: 'client_secret_basic' }),
        redirect_uris: [`${gateway}/oidc/callback`],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        backchannel_logout_uri: `${gateway}/oidc/logout`,
        backchannel_logout_session_required: true,
      },
    ],
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: true },
      backchannelLogout: { enabled: true },
      revocation: { enabled: true },
    },
    claims: {
      openid: ['sub'],
      profile: ['name'],
      email: ['email', 'email_verified'],
      groups: ['groups', '_claim_names'],
    },
    scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
    cookies: { keys: ['a-key-of-the-test-provider'] },
    ttl: {
      AccessToken: options.accessTtl ?? 3600,
      IdToken: 3600,
      Session: 3600,
      Interaction: 600,
      Grant: 3600,
      RefreshToken: 3600,
    },
    issueRefreshToken: async () => options.refreshTokens ?? false,
    rotateRefreshToken: true,
    findAccount: (_: unknown, id: string) => {
      const account = accounts.get(id);
      return account && { accountId: id, claims: async () => ({ sub: id, ...account }) };
    },
  });
  const handle = provider.callback();
  let server: Server | null = null;
  const open = async (): Promise<void> => {
    const next = createServer((request, response) => {
      asked.push(`${request.method} ${request.url?.split('?')[0]}`);
      handle(request, response);
    });
    await new Promise<void>((resolve) => next.listen(port, 'localhost', resolve));
    server = next;
  };
  const shut = async (): Promise<void> => {
    const last = server;
    server = null;
    if (last === null) return;
    last.closeAllConnections();
    await new Promise((resolve) => last.close(resolve));
  };
  await open();
  return { issuer, accounts, asked, away: (isAway) => (isAway ? shut() : open()), close: shut };
}
