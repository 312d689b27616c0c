import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

/** What the next ID token is, beside what an honest provider would make it. */
export interface Forgery {
  readonly claims?: (honest: JWTPayload) => JWTPayload;
  /** `none`: no signature. `client`: by HMAC with the client's secret. `stranger`: by a key that the provider does not have. */
  readonly signed?: 'none' | 'client' | 'stranger';
  readonly userInfo?: Record<string, unknown>;
  /** Seconds for which the access token is said to be good; 600 if absent. */
  readonly expiresIn?: number;
  /** Comes with the ID token, and is taken once. */
  readonly refresh?: string;
  /** Answers some paths in its own way, and says whether it has. */
  readonly answer?: (path: string, response: ServerResponse) => boolean;
}

/** A provider that does as a test says: it asks nobody anything, and its tokens may be wrong in any way. */
export async function startForger(clientId: string, clientSecret: string, metadata: object = {}) {
  const own = await generateKeyPair('RS256', { extractable: true });
  const stranger = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(own.publicKey)), kid: 'own', alg: 'RS256', use: 'sig' };
  let forgery: Forgery = {};
  let nonce = '';
  const asked: string[] = [];
  let issuer = '';
  const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const sign = (payload: JWTPayload, typ = 'JWT', by: Forgery['signed'] = undefined): Promise<string> => {
    if (by === 'none') return Promise.resolve(`${encoded({ alg: 'none', typ })}.${encoded(payload)}.`);
    const secret = new TextEncoder().encode(clientSecret.padEnd(32, '0'));
    if (by === 'client') return new SignJWT(payload).setProtectedHeader({ alg: 'HS256', typ }).sign(secret);
    const key = by === 'stranger' ? stranger.privateKey : own.privateKey;
    return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid: 'own', typ }).sign(key);
  };
  const idToken = (): Promise<string> => {
    const now = Math.floor(Date.now() / 1_000);
    const honest = { iss: issuer, sub: 'mira', aud: clientId, iat: now, exp: now + 600, nonce };
    return sign(forgery.claims?.(honest) ?? honest, 'JWT', forgery.signed);
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', issuer);
    const json = (value: object): void => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(value));
    };
    asked.push(`${request.method} ${url.pathname}`);
    if (forgery.answer?.(url.pathname, response)) return;
    if (url.pathname === '/.well-known/openid-configuration') {
      json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        userinfo_endpoint: `${issuer}/userinfo`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'],
        ...metadata,
      });
    } else if (url.pathname === '/authorize') {
      nonce = url.searchParams.get('nonce') ?? '';
      const back = new URL(url.searchParams.get('redirect_uri')!);
      back.searchParams.set('code', 'a-code');
      back.searchParams.set('state', url.searchParams.get('state')!);
      response.writeHead(302, { location: back.href }).end();
    } else if (url.pathname === '/token') {
      const more = { expires_in: forgery.expiresIn ?? 600, refresh_token: forgery.refresh };
      void idToken().then((id_token) => json({ access_token: 'a', token_type: 'bearer', id_token, ...more }));
    } else if (url.pathname === '/userinfo') {
      json({ sub: 'mira', ...forgery.userInfo });
    } else if (url.pathname === '/jwks') {
      json({ keys: [jwk] });
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    issuer,
    /** Requests that it has had, as `POST /token`. */
    asked,
    forge: (next: Forgery): void => {
      forgery = next;
    },
    sign,
    close: async (): Promise<void> => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
