import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import type { AgentProvider } from '../../support/people/agent-provider.ts';
import { type AgentsWorld, AUDIENCE, agentsWorld, LOOKS_SIGNED } from '../../support/people/agents-world.ts';

/** One answer to `tools/call read`, by a POST without a session. */
interface Tried {
  readonly status: number;
  readonly challenge: string;
  readonly text: string;
}

let world: AgentsWorld;
let sources = 0;
let provider: AgentProvider;

function call(token: string | null, path = '/mcp/tools', headers: Record<string, string> = {}): Promise<Tried> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read', arguments: {} } });
  return new Promise((resolve, reject) => {
    const sent = request(`${world.url}${path}`, {
      method: 'POST',
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'x-forwarded-for': `10.0.${++sources >> 8}.${sources & 255}`,
        ...headers,
      },
    });
    sent.once('error', reject).once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.once('end', () => {
        const challenge = String(response.headers['www-authenticate'] ?? '');
        resolve({ status: response.statusCode ?? 0, challenge, text });
      });
    });
    sent.end(body);
  });
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const now = (): number => Math.floor(Date.now() / 1_000);
const claims = (): object => ({
  iss: provider.issuer,
  aud: AUDIENCE,
  sub: 'mira',
  groups: ['engineers'],
  exp: now() + 300,
});
/** Its parts with another text in place of the claims: the signature is that of the honest ones. */
const withClaims = async (text: string): Promise<string> => {
  const [head, , signature] = (await provider.token()).split('.');
  return `${head}.${Buffer.from(text).toString('base64url')}.${signature}`;
};
const hs256 = (secret: string, header: object = {}): string => {
  const text = `${encoded({ alg: 'HS256', typ: 'at+jwt', kid: 'own', ...header })}.${encoded(claims())}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
};

/** What an attacker, or a provider that is set up wrongly, may send; the status; and what the agent is told. */
const TRIES: readonly (readonly [what: string, token: () => Promise<string> | string, status: number, says: RegExp])[] =
  [
    [
      'of another audience',
      () => provider.token({ aud: 'https://elsewhere.example.com' }),
      401,
      /audience \(aud\) is none of/,
    ],
    [
      'of another server here',
      () => provider.token({ aud: `${world.url}/mcp/other` }),
      401,
      /Ask for a token for this server/,
    ],
    ['of no audience', () => provider.token({ aud: undefined }), 401, /audience/],
    [
      'whose audience only begins like ours',
      () => provider.token({ aud: `${AUDIENCE}.evil.example` }),
      401,
      /audience/,
    ],
    ['of another issuer', () => provider.token({ iss: 'https://evil.example.com' }), 401, /issuer is not http/],
    ['of an issuer with a slash more', () => provider.token({ iss: `${provider.issuer}/` }), 401, /issuer is not/],
    [
      'with alg none',
      () => `${encoded({ alg: 'none', typ: 'at+jwt' })}.${encoded(claims())}.`,
      401,
      /algorithm is not one of/,
    ],
    [
      'with alg nOnE and a signature',
      async () => {
        const [, body, signature] = (await provider.token()).split('.');
        return `${encoded({ alg: 'nOnE' })}.${body}.${signature}`;
      },
      401,
      /algorithm/,
    ],
    ['HS256 with the public key as secret', () => hs256(provider.pem), 401, /algorithm is not one of/],
    ['HS256 with the public key as JWK for a secret', () => hs256(JSON.stringify(provider.jwk)), 401, /algorithm/],
    ['with the algorithms as a list', () => hs256(provider.pem, { alg: ['RS256'] }), 401, /algorithm/],
    ['that has expired', () => provider.token({ exp: now() - 61 }), 401, /has expired/],
    ['that says not until when', () => provider.token({ exp: undefined }), 401, /until when it is good/],
    ['that says so in words', () => provider.token({ exp: '4102444800' }), 401, /until when it is good/],
    ['that is good for ten years', () => provider.token({ exp: now() + 315_360_000 }), 401, /longer than 1440 minutes/],
    ['that is not valid yet', () => provider.token({ nbf: now() + 90 }), 401, /not valid yet/],
    [
      'of a clock five minutes ahead',
      () => provider.token({ iat: now() + 300, exp: now() + 600 }),
      401,
      /clocks.*differ.*NTP/,
    ],
    [
      'of a clock five minutes behind',
      () => provider.token({ iat: now() - 600, exp: now() - 300 }),
      401,
      /has expired/,
    ],
    ['of an unknown key', () => provider.byStranger({}, { kid: 'unknown' }), 401, /signed by no key of/],
    ['of a stranger under the name of our key', () => provider.byStranger(), 401, /signature is wrong/],
    ['of a stranger that names no key', () => provider.byStranger({}, { kid: undefined }), 401, /signature is wrong/],
    ['whose kid is a path', () => provider.byStranger({}, { kid: '../../../../dev/null' }), 401, /signed by no key/],
    ['whose kid is SQL', () => provider.byStranger({}, { kid: "own' or '1'='1" }), 401, /signed by no key/],
    ['whose kid is __proto__', () => provider.byStranger({}, { kid: '__proto__' }), 401, /signed by no key/],
    ['that brings its own key (jwk)', () => provider.byStranger({}, { jwk: provider.jwk }), 401, /signature is wrong/],
    [
      'that says where its keys are (jku)',
      () => provider.byStranger({}, { jku: `${provider.issuer}/evil-jwks` }),
      401,
      /signature is wrong/,
    ],
    [
      'that says where its certificate is (x5u)',
      () => provider.byStranger({}, { x5u: `${provider.issuer}/evil-x5u` }),
      401,
      /signature is wrong/,
    ],
    [
      'with a certificate of its own (x5c)',
      () => provider.byStranger({}, { x5c: ['MIIB'] }),
      401,
      /signature is wrong/,
    ],
    [
      'that demands an extension (crit)',
      () => provider.token({}, { crit: ['urn:example:known'], 'urn:example:known': 1 }),
      401,
      /extension \(crit\)/,
    ],
    [
      'whose claims were changed',
      () => withClaims(JSON.stringify({ ...claims(), sub: 'olga' })),
      401,
      /signature is wrong/,
    ],
    [
      'with a claim twice',
      () => withClaims(`{"iss":"${provider.issuer}","sub":"mira","sub":"olga"}`),
      401,
      /same member twice/,
    ],
    [
      'with a claim twice, once with an escape',
      () => withClaims(`{"iss":"${provider.issuer}","sub":"mira","su\\u0062":"olga"}`),
      401,
      /same member twice/,
    ],
    ['without a subject', () => provider.token({ sub: undefined }), 401, /subject \(sub\) is missing/],
    ['whose subject is a number', () => provider.token({ sub: 7 }), 401, /subject \(sub\)/],
    ['whose subject is a list', () => provider.token({ sub: ['mira'] }), 401, /subject \(sub\)/],
    ['whose subject is empty', () => provider.token({ sub: '' }), 401, /subject \(sub\)/],
    ['whose subject is 10 KB', () => provider.token({ sub: 'm'.repeat(10_000) }), 401, /longer than 255/],
    ['whose subject hides characters', () => provider.token({ sub: 'mira\u202e' }), 401, /subject \(sub\)/],
    [
      'that is an ID token, by its hash',
      () => provider.token({ at_hash: 'x', nonce: 'y' }, { typ: 'JWT' }),
      401,
      /Send the access token/,
    ],
    [
      'that is an ID token, by its nonce',
      () => provider.token({ nonce: 'y' }, { typ: 'JWT' }),
      401,
      /Send the access token/,
    ],
    [
      'that is an ID token of Keycloak',
      () => provider.token({ typ: 'ID' }, { typ: 'JWT' }),
      401,
      /Send the access token/,
    ],
    ['that is a logout token', () => provider.token({ events: {} }, { typ: 'logout+jwt' }), 401, /no access token/],
    ['whose claims are a list', () => withClaims('[]'), 401, /no JSON objects/],
    ['whose claims are no JSON', () => withClaims('{"iss":'), 401, /no JSON objects/],
    ['that is opaque', () => 'opaque-token-of-the-provider', 401, /opaque tokens cannot be checked/],
    ['that is encrypted', () => 'a.b.c.d.e', 401, /opaque tokens cannot be checked|no signed JWT/],
    ['whose groups are none that count', () => provider.token({ groups: ['sales'] }), 403, /no value of groups/],
    [
      'with 200 others and not ours',
      () => provider.token({ groups: Array.from({ length: 200 }, (_, n) => `g-${n}`) }),
      403,
      /no value of groups/,
    ],
    [
      'whose groups are left out (overage)',
      () => provider.token({ groups: undefined, _claim_names: { groups: 'src1' } }),
      403,
      /left out groups because there are too many/,
    ],
    [
      'whose groups are missing',
      () => provider.token({ groups: undefined }),
      403,
      /has no claim groups, realm_access.roles/,
    ],
    ['whose groups are an object', () => provider.token({ groups: { engineers: true } }), 403, /no value of groups/],
    [
      'whose groups are one text that only contains ours',
      () => provider.token({ groups: 'engineers,admins' }),
      403,
      /no value of groups/,
    ],
    [
      'with our role in a claim within a claim',
      () => provider.token({ groups: [], realm_access: { roles: ['admin'] }, aud: [AUDIENCE] }),
      200,
      /done/,
    ],
  ];

describe('Access tokens of agents, as an attacker would have them', () => {
  before(async () => {
    world = await agentsWorld();
    provider = world.provider;
  });
  after(() => world.close());

  for (const [what, token, status, says] of TRIES) {
    it(`answers ${status} to a token ${what}`, async () => {
      const calls = world.upstream.calls.length;
      const tried = await call(await token());
      assert.equal(tried.status, status, tried.text);
      assert.match(tried.text, says);
      if (status === 401) {
        assert.match(
          tried.challenge,
          /^Bearer resource_metadata="http[^"]+\/\.well-known\/oauth-protected-resource\/mcp\/tools", error="invalid_token", error_description="[\x20-\x21\x23-\x7e]+"$/,
        );
      }
      assert.equal(world.upstream.calls.length - calls, status === 200 ? 1 : 0);
    });
  }

  it('never asks where a token says that its keys are', () => {
    assert.deepEqual(
      provider.asked.filter((one) => one.includes('evil')),
      [],
    );
  });

  it('asks for keys again once, not for each token with an unknown name', () => {
    assert.ok(provider.asked.filter((one) => one === 'GET /jwks').length <= 2, provider.asked.join(', '));
  });

  it('refuses a huge token', async () => {
    const tried = await call(await provider.token({ filling: 'x'.repeat(14_000) })).catch(() => ({ status: 431 }));
    assert.ok([401, 431].includes(tried.status), String(tried.status));
  });

  it('takes honest ones: for the audience, for the server by its address, with and without typ, 60 s late', async () => {
    const good = [
      provider.token(),
      provider.token({ aud: ['https://elsewhere.example.com', AUDIENCE] }),
      provider.token({ aud: `${world.url}/mcp/tools` }),
      provider.token({ aud: `${world.url}/mcp/tools/` }),
      provider.token({}, { typ: 'JWT' }),
      provider.token({}, { typ: undefined }),
      provider.token({}, { typ: 'application/at+jwt' }),
      provider.token({}, { kid: undefined }),
      provider.token({ groups: 'engineers' }),
      provider.token({ exp: now() - 30, iat: now() - 300 }),
      provider.token({ typ: 'Bearer', nonce: 'n' }, { typ: 'JWT' }),
      provider.token({ groups: [...Array.from({ length: 200 }, (_, n) => `g-${n}`), 'engineers'] }),
    ];
    for (const [nth, token] of good.entries()) {
      const tried = await call(await token);
      assert.equal(tried.status, 200, `${nth}: ${tried.text}`);
    }
  });

  it('judges a good token again at every request, though its signature is remembered', async () => {
    const token = await provider.token({ aud: `${world.url}/mcp/tools` });
    assert.equal((await call(token)).status, 200);
    assert.equal((await call(token, '/mcp/other')).status, 401);
    assert.equal((await call(token)).status, 200);
  });

  it('lets a grant reach only the servers that it is bound to', async () => {
    const token = await provider.token({ groups: [], realm_access: { roles: ['admin'] } });
    assert.equal((await call(token)).status, 200);
    const other = await call(token, '/mcp/other');
    assert.equal(other.status, 403);
    assert.match(other.text, /not bound to other/);
    assert.equal((await call(token, '/mcp/none')).status, 404);
  });

  it('takes no token in the query string, and none without Bearer', async () => {
    const token = await provider.token();
    assert.equal((await call(null, `/mcp/tools?access_token=${token}`)).status, 401);
    assert.equal((await call(null, '/mcp/tools', { authorization: token })).status, 401);
    assert.equal((await call(null, '/mcp/tools', { authorization: `DPoP ${token}` })).status, 401);
    assert.equal((await call(null, '/mcp/tools', { cookie: `access_token=${token}` })).status, 401);
  });

  it('keeps the three doors apart: no access token opens API or console, no admin token or cookie an agent’s door', async () => {
    const token = await provider.token();
    for (const path of ['/api/approvals', '/api/events', '/api/grants', '/'])
      assert.notEqual(
        (await fetch(`${world.url}${path}`, { headers: { authorization: `Bearer ${token}` }, redirect: 'manual' }))
          .status,
        200,
        path,
      );
    assert.equal((await call(world.house.adminToken)).status, 401);
    assert.equal(
      (await call(null, '/mcp/tools', { cookie: 'holdfast_session=x; __Host-holdfast_session=x' })).status,
      401,
    );
  });

  it('tells a client without a token where to go, and names the authorization server', async () => {
    const none = await call(null);
    assert.equal(none.status, 401);
    assert.doesNotMatch(none.challenge, /error=/);
    const metadata = /resource_metadata="([^"]+)"/.exec(none.challenge)![1]!;
    const found = await (await fetch(metadata)).json();
    assert.deepEqual(found, {
      resource: `${world.url}/mcp/tools`,
      authorization_servers: [provider.issuer],
      bearer_methods_supported: ['header'],
      resource_name: 'Holdfast',
    });
  });

  it('takes a grant’s own token beside it, one that looks like a JWT too', async () => {
    assert.equal((await call(world.house.tokens.agent!)).status, 200);
    assert.equal((await call(LOOKS_SIGNED)).status, 200);
  });

  it('keeps the token to itself: nothing of it is sent to the server, logged, or written down', async () => {
    const token = await provider.token({ jti: 'a-token-to-look-for' });
    assert.equal((await call(token)).status, 200);
    const signature = token.split('.')[2]!;
    const bad = `${token.slice(0, -6)}AAAAAA`;
    assert.equal((await call(bad)).status, 401);
    const events = await (await world.gateway.api('/api/events?limit=500')).text();
    const said = [
      JSON.stringify(world.upstream.calls),
      world.upstream.heard.join('\n'),
      world.gateway.log,
      world.gateway.stdout,
      events,
    ].join('\n');
    for (const secret of [signature, token.split('.')[1]!, bad.split('.')[2]!]) assert.ok(!said.includes(secret));
    assert.match(events, /"issuer":"http:\/\/127/, 'but whose it was is in the log');
  });
});
