import assert from 'node:assert/strict';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { consentAs } from './authorization-server.ts';

const BACK = 'http://localhost:45711/callback';
const isBack = (url: string): boolean => url.startsWith(BACK);

/** What an application keeps for the SDK, in memory; `registered`: the client that it has at the provider already. */
function memory(registered?: object) {
  const kept: Record<string, unknown> = { client: registered };
  const sentTo: URL[] = [];
  return {
    sentTo,
    kept,
    redirectUrl: BACK,
    clientMetadata: {
      ...{ client_name: 'a test', redirect_uris: [BACK], token_endpoint_auth_method: 'none' },
      ...{ grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] },
    },
    clientInformation: () => kept.client as never,
    saveClientInformation: (client: object) => void Object.assign(kept, { client }),
    tokens: () => kept.tokens as never,
    saveTokens: (tokens: object) => void Object.assign(kept, { tokens }),
    redirectToAuthorization: (url: URL) => void sentTo.push(url),
    saveCodeVerifier: (verifier: string) => void Object.assign(kept, { verifier }),
    codeVerifier: () => kept.verifier as string,
  };
}

/** Connects as an application does that knows nothing but the address: is sent to sign in, and comes back. */
export async function signedInApplication(url: string, login: string, registered?: object) {
  const authProvider = memory(registered);
  const transport = () => new StreamableHTTPClientTransport(new URL(url), { authProvider });
  const first = transport();
  const client = new Client({ name: 'an application', version: '1' });
  await assert.rejects(client.connect(first as never), UnauthorizedError);
  const back = await consentAs(login, authProvider.sentTo[0]!.href, isBack);
  await first.finishAuth(new URL(back).searchParams.get('code')!);
  await client.connect(transport() as never);
  return { client, authProvider };
}
