import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from 'jose';

export interface AskedAbout {
  readonly token: string;
  readonly form: URLSearchParams;
  /** The header; undefined: none. */
  readonly authorization: string | undefined;
}

export interface AgentProvider {
  readonly issuer: string;
  /** Requests that it has had, as `GET /jwks`. */
  readonly asked: string[];
  /** The public key as PEM, which anybody may have. */
  readonly pem: string;
  readonly jwk: JWK;
  /** An access token as an honest provider makes it, but for these claims and members of its header. `undefined` leaves one out. */
  token(claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  /** The same, signed by a key that it does not have. */
  byStranger(claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  /** Signs with a new key from now on, whose name this is. */
  turnKey(kid: string): Promise<void>;
  /** What it was asked about tokens (RFC 7662), in order. */
  readonly introspected: AskedAbout[];
  /** How it answers that from now on; undefined: that each is active. What is returned is sent as JSON; null: it has answered itself. */
  introspect(answer: ((asked: AskedAbout, response: ServerResponse) => object | null) | undefined): void;
  /** Answers nothing from now on, or again. */
  away(isAway: boolean): Promise<void>;
  /** What its documents are from now on; undefined: as they should be. */
  say(documents: { readonly discovery?: object; readonly jwks?: object } | undefined): void;
  close(): Promise<void>;
}

/** A provider that signs whatever a test wants. `audience`: of its tokens. */
export async function agentProvider(audience: string): Promise<AgentProvider> {
  let own = await generateKeyPair('RS256', { extractable: true });
  const stranger = await generateKeyPair('RS256', { extractable: true });
  let kid = 'own';
  let said: { readonly discovery?: object; readonly jwks?: object } | undefined;
  let server: Server | null = null;
  let port = 0;
  const asked: string[] = [];
  const introspected: AskedAbout[] = [];
  let introspect: Parameters<AgentProvider['introspect']>[0];
  const jwks = async (): Promise<JWK> => ({ ...(await exportJWK(own.publicKey)), kid, alg: 'RS256', use: 'sig' });
  const open = async (): Promise<void> => {
    const next = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      const json = (value: object): void => {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(value));
      };
      if (request.url === '/.well-known/openid-configuration')
        json(
          said?.discovery ?? {
            ...{ issuer, jwks_uri: `${issuer}/jwks`, registration_endpoint: `${issuer}/register` },
            introspection_endpoint: `${issuer}/introspect`,
          },
        );
      else if (request.url === '/jwks') void jwks().then((key) => json(said?.jwks ?? { keys: [key] }));
      else if (request.url === '/introspect') {
        let text = '';
        request.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        request.once('end', () => {
          const form = new URLSearchParams(text);
          const one = { token: form.get('token') ?? '', form, authorization: request.headers.authorization };
          introspected.push(one);
          const answer = introspect === undefined ? { active: true } : introspect(one, response);
          if (answer !== null) json(answer);
        });
      } else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => next.listen(port, '127.0.0.1', resolve));
    port = (next.address() as AddressInfo).port;
    server = next;
  };
  const shut = async (): Promise<void> => {
    const last = server;
    server = null;
    last?.closeAllConnections();
    if (last !== null) await new Promise((resolve) => last.close(resolve));
  };
  await open();
  const issuer = `http://127.0.0.1:${port}`;
  const sign = (key: CryptoKey, claims: Record<string, unknown>, header: Record<string, unknown>): Promise<string> => {
    const now = Math.floor(Date.now() / 1_000);
    const honest = { iss: issuer, aud: audience, sub: 'mira', iat: now, exp: now + 300, groups: ['engineers'] };
    const protectedHeader = { alg: 'RS256', kid, typ: 'at+jwt', ...header };
    return new SignJWT(JSON.parse(JSON.stringify({ ...honest, ...claims })))
      .setProtectedHeader(JSON.parse(JSON.stringify(protectedHeader)))
      .sign(key, { crit: { 'urn:example:known': true } });
  };
  return {
    issuer,
    asked,
    introspected,
    introspect: (answer) => {
      introspect = answer;
    },
    pem: await exportSPKI(own.publicKey),
    jwk: await jwks(),
    token: (claims = {}, header = {}) => sign(own.privateKey, claims, header),
    byStranger: (claims = {}, header = {}) => sign(stranger.privateKey, claims, header),
    turnKey: async (next) => {
      own = await generateKeyPair('RS256', { extractable: true });
      kid = next;
    },
    away: (isAway) => (isAway ? shut() : open()),
    say: (documents) => {
      said = documents;
    },
    close: shut,
  };
}
