import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { afterEach, describe, it } from 'node:test';
import { agentTokens } from '../../../src/oauth/agent-tokens.ts';
import { type AgentTokenTerms, Unavailable } from '../../../src/ports.ts';
import { type AgentProvider, type AskedAbout, agentProvider } from '../../support/people/agent-provider.ts';
import { eventually, until } from '../../support/wait.ts';

const AUDIENCE = 'https://holdfast.example.com';
const CLIENT = { clientId: 'hold:fast', clientSecret: 'sé cret+/', recheckMs: 50_000, opaque: false };
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A provider that is asked, and tokens judged by it with a steady clock that the test moves. */
async function asking(more: Partial<NonNullable<AgentTokenTerms['introspection']>> = {}) {
  const provider = await agentProvider(AUDIENCE);
  closing.push(() => provider.close());
  let at = 1_000_000;
  const introspection: AgentTokenTerms['introspection'] = { ...CLIENT, ...more };
  const terms = { issuer: provider.issuer, audience: AUDIENCE, longestMs: 3_600_000, introspection };
  const own: { terms: AgentTokenTerms } = { terms };
  const tokens = agentTokens(() => own.terms, {
    clock: { now: () => new Date() },
    steady: { now: () => new Date(at) },
  });
  const read = (token: string) => tokens.read(token, 'https://here/mcp/x');
  return {
    provider,
    own,
    tokens,
    read,
    /** The fault, `account`, or the words of what is away. */
    kindOf: async (token: string): Promise<string> => {
      try {
        const found = await read(token);
        return found.kind === 'refused' ? found.fault : found.kind;
      } catch (error) {
        assert.ok(error instanceof Unavailable && error.part === 'provider', String(error));
        return error.message;
      }
    },
    pass: (ms: number): void => {
      at += ms;
    },
    /** Until what is asked in the background has been answered. */
    settled: async (times: number): Promise<void> => {
      await until('the answer', () => provider.introspected.length >= times);
      await new Promise((resolve) => setTimeout(resolve, 30));
    },
  };
}

const inactive = (): object => ({ active: false });
const good = (): object => ({ active: true });
const claims = (provider: AgentProvider, more: object = {}): object => ({
  ...{ active: true, iss: provider.issuer, sub: 'mira', aud: AUDIENCE, token_type: 'Bearer', groups: ['engineers'] },
  ...{ exp: Math.floor(Date.now() / 1_000) + 300, ...more },
});

describe('A token that passed all checks is asked about at the provider', () => {
  it('with the client’s id and secret in the header, each encoded; and in the form where it wants that', async () => {
    const { provider, kindOf } = await asking();
    const token = await provider.token();
    assert.equal(await kindOf(token), 'account');
    const [asked] = provider.introspected;
    assert.equal(asked?.token, token);
    assert.equal(asked?.form.get('token_type_hint'), 'access_token');
    assert.equal(asked?.form.get('client_secret'), null);
    const [scheme, text = ''] = asked?.authorization?.split(' ') ?? [];
    assert.deepEqual([scheme, atob(text)], ['Basic', 'hold%3Afast:s%C3%A9+cret%2B%2F']);

    const other = await asking();
    const { issuer } = other.provider;
    const places = { issuer, jwks_uri: `${issuer}/jwks`, introspection_endpoint: `${issuer}/introspect` };
    other.provider.say({
      discovery: { ...places, introspection_endpoint_auth_methods_supported: ['client_secret_post'] },
    });
    assert.equal(await other.kindOf(await other.provider.token()), 'account');
    const [posted] = other.provider.introspected;
    assert.equal(posted?.authorization, undefined);
    assert.deepEqual([posted?.form.get('client_id'), posted?.form.get('client_secret')], ['hold:fast', 'sé cret+/']);
  });

  it('and not before: whoever has no good token makes nobody ask', async () => {
    const { provider, kindOf } = await asking();
    const now = Math.floor(Date.now() / 1_000);
    const bad = [
      await provider.byStranger(),
      await provider.token({ aud: 'https://elsewhere' }),
      await provider.token({ iss: 'https://elsewhere' }),
      await provider.token({ exp: now - 90 }),
      await provider.token({ sub: undefined }),
      `${(await provider.token()).slice(0, -8)}AAAAAAAA`,
      'opaque-token',
    ];
    for (let n = 0; n < 100; n += 1) bad.push(await provider.byStranger({ jti: String(n) }));
    const found = new Set(await Promise.all(bad.map(kindOf)));
    assert.deepEqual([...found].sort(), ['audience', 'expired', 'form', 'issuer', 'signature', 'subject']);
    assert.equal(provider.introspected.length, 0);
  });

  /** What the provider says; what becomes of the token, or the words of the 503. */
  const ANSWERS: readonly (readonly [
    what: string,
    answer: (provider: AgentProvider) => object | ((response: ServerResponse) => void),
    kind: string | RegExp,
  ])[] = [
    ['is active', good, 'account'],
    ['is active, and all that it says is the same', (provider) => claims(provider), 'account'],
    ['is active, with its audience in a list', (provider) => claims(provider, { aud: [AUDIENCE] }), 'account'],
    ['is not active', inactive, 'inactive'],
    ['is not active, whatever else', (provider) => claims(provider, { active: false }), 'inactive'],
    ['is of somebody else', (provider) => claims(provider, { sub: 'olga' }), 'mismatch'],
    ['is of a number', (provider) => claims(provider, { sub: 7 }), 'mismatch'],
    ['is of another issuer', (provider) => claims(provider, { iss: 'https://elsewhere' }), 'mismatch'],
    ['is for another audience', (provider) => claims(provider, { aud: 'https://elsewhere' }), 'mismatch'],
    ['is for another audience, too', (provider) => claims(provider, { aud: [AUDIENCE, 'https://x'] }), 'mismatch'],
    ['is for nobody', (provider) => claims(provider, { aud: [] }), 'audience'],
    ['ended earlier', (provider) => claims(provider, { exp: Math.floor(Date.now() / 1_000) - 90 }), 'expired'],
    ['ends with a word', (provider) => claims(provider, { exp: 'never' }), 'mismatch'],
    ['does not say whether it is active', () => ({ sub: 'mira' }), /does not say whether a token is active/],
    ['is active in words', () => ({ active: 'true' }), /does not say whether a token is active/],
    ['says nothing that is JSON', () => (response) => response.end('<html>'), /JSON object/],
    ['refuses this client', () => (response) => response.writeHead(401).end(), /answered 401 \(compare oauth\.intro/],
    ['fails', () => (response) => response.writeHead(500).end(), /answered 500$/],
    ['has no such place', () => (response) => response.writeHead(404).end(), /answered 404/],
    [
      'leads elsewhere',
      () => (response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
      /answered 307/,
    ],
    ['answers with much', () => ({ active: true, filling: 'x'.repeat(70_000) }), /more than 65536 bytes/],
    ['breaks off', () => (response) => response.write('{', () => response.destroy()), /broke off|does not answer/],
  ];
  for (const [what, answer, kind] of ANSWERS) {
    it(`where the answer ${what}: ${kind}`, async () => {
      const { provider, kindOf, pass } = await asking();
      const token = await provider.token();
      provider.introspect((_, response) => {
        const said = answer(provider);
        if (typeof said !== 'function') return said;
        said(response);
        return null;
      });
      const found = await kindOf(token);
      if (typeof kind === 'string') assert.equal(found, kind);
      else {
        assert.match(found, kind);
        assert.ok(!found.includes(token.split('.')[2]!));
        assert.equal(await kindOf(token), found, 'it is not asked again right away');
        assert.equal(provider.introspected.length, 1);
        provider.introspect(undefined);
        pass(5_000);
        assert.equal(await kindOf(token), 'account');
      }
    });
  }

  it('that is slow is waited for 5 seconds', async () => {
    const { provider, kindOf } = await asking();
    provider.introspect(() => null);
    assert.match(await kindOf(await provider.token()), /introspect does not answer \(not within 5 seconds\)/);
  });

  it('that names no place for it, or one without https, leaves no token good', async () => {
    for (const [place, words] of [
      [{}, /no introspection_endpoint/],
      [{ introspection_endpoint: 'http://example.com/introspect' }, /is not https/],
      [
        { introspection_endpoint: 'https://x', introspection_endpoint_auth_methods_supported: ['private_key_jwt'] },
        /neither/,
      ],
    ] as const) {
      const { provider, kindOf } = await asking();
      provider.say({ discovery: { issuer: provider.issuer, jwks_uri: `${provider.issuer}/jwks`, ...place } });
      assert.match(await kindOf(await provider.token()), words);
    }
  });

  it('is not asked without a secret', async () => {
    const { provider, kindOf } = await asking({ clientSecret: null });
    assert.match(await kindOf(await provider.token()), /HOLDFAST_OAUTH_CLIENT_SECRET is not set/);
    assert.equal(provider.introspected.length, 0);
  });
});

describe('What the provider said of a token', () => {
  it('serves for 50 seconds, and is asked for once, however many want to know', async () => {
    const { provider, kindOf, pass } = await asking();
    const token = await provider.token();
    assert.deepEqual(new Set(await Promise.all(Array.from({ length: 50 }, () => kindOf(token)))), new Set(['account']));
    assert.equal(provider.introspected.length, 1);
    provider.introspect(inactive);
    pass(49_999);
    assert.equal(await kindOf(token), 'account');
    assert.equal(provider.introspected.length, 1);
  });

  it('is asked for again after that, without anybody waiting, and a revoked token is refused', async () => {
    const { provider, tokens, read, kindOf, pass, settled } = await asking();
    const token = await provider.token();
    const found = await read(token);
    const digest = found.kind === 'account' ? found.digest : '';
    assert.equal(tokens.stands(digest), true);
    provider.introspect(inactive);
    pass(50_000);
    assert.equal(tokens.stands(digest), true, 'nobody waits');
    await settled(2);
    assert.equal(tokens.stands(digest), false, 'and what is open by it ends');
    assert.equal(await kindOf(token), 'inactive');
    assert.equal(provider.introspected.length, 2, 'which is remembered as well');
    pass(50_000);
    provider.introspect(undefined);
    await kindOf(token);
    await settled(3);
    assert.equal(await kindOf(token), 'account');
  });

  it('serves for 60 seconds at most: then a request waits for the next answer, and what is open ends', async () => {
    const { provider, tokens, read, kindOf, pass } = await asking();
    const token = await provider.token();
    const found = await read(token);
    const digest = found.kind === 'account' ? found.digest : '';
    provider.introspect(inactive);
    pass(60_000);
    assert.equal(tokens.stands(digest), false);
    assert.equal(await kindOf(token), 'inactive');
  });

  it('is as old as the question: a token may be revoked while the answer is on its way', async () => {
    const { provider, kindOf, pass } = await asking();
    const token = await provider.token();
    let open: ServerResponse | null = null;
    provider.introspect((_, response) => {
      open = response;
      return null;
    });
    const found = kindOf(token);
    const response = await eventually('the question', () => open);
    pass(4_000);
    response.setHeader('content-type', 'application/json').end('{"active":true}');
    assert.equal(await found, 'account');
    provider.introspect(inactive);
    pass(56_000);
    assert.equal(await kindOf(token), 'inactive');
  });

  it('serves while the provider is away, until it is 60 seconds old; then nothing does', async () => {
    const { provider, tokens, read, kindOf, pass } = await asking();
    const token = await provider.token();
    const found = await read(token);
    const digest = found.kind === 'account' ? found.digest : '';
    await provider.away(true);
    pass(59_999);
    assert.equal(await kindOf(token), 'account');
    assert.equal(tokens.stands(digest), true);
    pass(1);
    assert.match(await kindOf(token), /^http:.*introspect does not answer \(ECONNREFUSED\)$/);
    assert.equal(tokens.stands(digest), false);
    assert.match(await kindOf(await provider.token({ jti: 'new' })), /does not answer/);
    await provider.away(false);
    pass(5_000);
    assert.equal(await kindOf(token), 'account');
    assert.equal(tokens.stands(digest), true);
  });

  it('of a token that nobody came with stands for nothing', async () => {
    const { tokens } = await asking();
    assert.equal(tokens.stands('0'.repeat(64)), false);
  });

  it('is not asked for where the config does not want it', async () => {
    const { provider, own, tokens, read } = await asking();
    own.terms = { ...own.terms, introspection: null };
    const found = await read(await provider.token());
    assert.equal(found.kind, 'account');
    assert.equal(tokens.stands(found.kind === 'account' ? found.digest : ''), true);
    assert.equal(provider.introspected.length, 0);
  });
});

describe('A flood of good tokens', () => {
  /** Answers are held back until they are let go. */
  function held(provider: AgentProvider) {
    const waiting: ServerResponse[] = [];
    let most = 0;
    provider.introspect((_: AskedAbout, response) => {
      waiting.push(response);
      most = Math.max(most, waiting.length);
      return null;
    });
    return {
      waiting,
      most: () => most,
      letGo: (): void => {
        for (const response of waiting.splice(0))
          response.setHeader('content-type', 'application/json').end('{"active":true}');
      },
    };
  }
  const many = (provider: AgentProvider, count: number, sub: (n: number) => string): Promise<string[]> =>
    Promise.all(Array.from({ length: count }, (_, n) => provider.token({ jti: String(n), sub: sub(n) })));

  it('makes 16 requests at once; the others wait for their turn', async () => {
    const { provider, kindOf } = await asking();
    const { waiting, most, letGo } = held(provider);
    const tokens = await many(provider, 100, (n) => `account-${n}`);
    const found = Promise.all(tokens.map(kindOf));
    await until('16', () => waiting.length === 16);
    const timer = setInterval(letGo, 5);
    assert.deepEqual(new Set(await found), new Set(['account']));
    clearInterval(timer);
    assert.ok(most() <= 16, String(most()));
    assert.equal(provider.introspected.length, 100);
  });

  it('of one account has 32 places, so that it holds up nobody else', async () => {
    const { provider, kindOf } = await asking();
    const { waiting, letGo } = held(provider);
    const tokens = await many(provider, 200, () => 'mira');
    const kinds: string[] = [];
    const found = tokens.map(async (token) => void kinds.push(await kindOf(token)));
    await until('the refusal of all that are too many', () => kinds.length === 168 && waiting.length === 16);
    assert.match([...new Set(kinds)].join(), /^http:[^,]*asked about too many access tokens at once$/);
    const other = kindOf(await provider.token({ sub: 'olga' }));
    const timer = setInterval(letGo, 5);
    assert.equal(await other, 'account');
    await Promise.all(found);
    clearInterval(timer);
    assert.equal(kinds.filter((kind) => kind === 'account').length, 32);
  });

  it('does not wait for more than five seconds behind those that the provider does not answer', async () => {
    const { provider, kindOf, pass } = await asking();
    const { waiting, letGo } = held(provider);
    const tokens = await many(provider, 40, (n) => `account-${n}`);
    const found = tokens.map(kindOf);
    await until('16', () => waiting.length === 16);
    pass(5_001);
    letGo();
    const kinds = await Promise.all(found);
    assert.equal(kinds.filter((kind) => kind === 'account').length, 16);
    assert.equal(kinds.filter((kind) => kind.includes('too many')).length, 24);
    assert.equal(provider.introspected.length, 16);
  });
});

describe('Opaque tokens', () => {
  /** What the provider says; what becomes of it. */
  const ANSWERS: readonly (readonly [what: string, answer: (provider: AgentProvider) => object, kind: string])[] = [
    ['all that is needed', (provider) => claims(provider), 'account'],
    ['no issuer, which then is the one that was asked', (provider) => claims(provider, { iss: undefined }), 'account'],
    ['the server’s address as its audience', (provider) => claims(provider, { aud: 'https://here/mcp/x' }), 'account'],
    ['that it is not active', inactive, 'unknown'],
    ['no subject', (provider) => claims(provider, { sub: undefined }), 'subject'],
    ['no audience', (provider) => claims(provider, { aud: undefined }), 'audience'],
    ['another audience', (provider) => claims(provider, { aud: 'https://elsewhere' }), 'audience'],
    ['another issuer', (provider) => claims(provider, { iss: 'https://elsewhere' }), 'issuer'],
    ['no end', (provider) => claims(provider, { exp: undefined }), 'times'],
    ['an end that is past', (provider) => claims(provider, { exp: 1_000 }), 'expired'],
    ['an end that is too late', (provider) => claims(provider, { exp: 4_102_444_800 }), 'lifetime'],
    ['no type', (provider) => claims(provider, { token_type: undefined }), 'type'],
    ['that it is bound to a key', (provider) => claims(provider, { token_type: 'DPoP' }), 'type'],
    ['that it is a refresh token', (provider) => claims(provider, { token_use: 'refresh_token' }), 'type'],
  ];
  for (const [what, answer, kind] of ANSWERS) {
    it(`of which the provider says ${what}: ${kind}`, async () => {
      const { provider, kindOf } = await asking({ opaque: true });
      provider.introspect(() => answer(provider));
      assert.equal(await kindOf('an-opaque.token'), kind);
      assert.deepEqual(
        provider.introspected.map(({ token }) => token),
        ['an-opaque.token'],
      );
    });
  }

  it('are told apart from signed ones, which are judged by their signature still', async () => {
    const { provider, kindOf } = await asking({ opaque: true });
    provider.introspect(() => claims(provider));
    assert.equal(await kindOf(await provider.byStranger()), 'signature');
    assert.equal(await kindOf('a.b.c'), 'form');
    assert.equal(await kindOf('x'.repeat(16 * 1024 + 1)), 'size');
    assert.equal(provider.introspected.length, 0);
  });

  it('end once the provider takes them back, or the config does not want them any more', async () => {
    const { provider, own, tokens, read, kindOf, pass } = await asking({ opaque: true });
    provider.introspect(() => claims(provider));
    const found = await read('an-opaque-token');
    const digest = found.kind === 'account' ? found.digest : '';
    assert.equal(tokens.stands(digest), true);
    const { terms } = own;
    for (const introspection of [null, CLIENT]) {
      own.terms = { ...terms, introspection };
      assert.equal(tokens.stands(digest), false);
      assert.equal(await kindOf('an-opaque-token'), 'form');
    }
    own.terms = terms;
    provider.introspect(inactive);
    pass(60_000);
    assert.equal(await kindOf('an-opaque-token'), 'unknown');
    assert.equal(tokens.stands(digest), false);
  });

  it('that anybody made up have four requests at once, and hold up no signed one', async () => {
    const { provider, kindOf } = await asking({ opaque: true });
    const token = await provider.token();
    let open: ServerResponse[] = [];
    provider.introspect((asked, response) => {
      if (asked.token === token) return good();
      open.push(response);
      return null;
    });
    const made = Array.from({ length: 300 }, (_, n) => kindOf(`made-up-${n}`));
    await until('four', () => open.length === 4);
    assert.equal(await kindOf(token), 'account');
    assert.equal(open.length, 4);
    provider.introspect(inactive);
    for (const response of open) response.setHeader('content-type', 'application/json').end('{"active":false}');
    open = [];
    const kinds = await Promise.all(made);
    assert.equal(kinds.filter((kind) => kind === 'unknown').length, 104);
    assert.equal(kinds.filter((kind) => kind.includes('too many')).length, 196);
  });
});

describe('What doctor finds of a provider that is to be asked', () => {
  it('is that it can be, or why not', async () => {
    const { provider, tokens } = await asking();
    provider.introspect(inactive);
    const muteness = async (): Promise<string | null> => {
      const found = await tokens.look();
      assert.equal(found?.kind, 'found');
      return found?.kind === 'found' ? found.mute : null;
    };
    assert.equal(await muteness(), null);
    provider.introspect(undefined);
    assert.match((await muteness()) ?? '', /active that nobody has/);
    provider.introspect((_, response) => {
      response.writeHead(403).end();
      return null;
    });
    assert.match((await muteness()) ?? '', /answered 403 \(compare oauth\.introspection\.client_id/);
  });
});
