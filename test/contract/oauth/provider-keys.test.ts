import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { agentTokens } from '../../../src/oauth/agent-tokens.ts';
import { KEYS_OLD_MS, ProviderKeys } from '../../../src/oauth/provider-keys.ts';
import { Unavailable } from '../../../src/ports.ts';
import { type AgentProvider, agentProvider } from '../../support/people/agent-provider.ts';

const AUDIENCE = 'https://holdfast.example.com';
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function provider(): Promise<AgentProvider> {
  const made = await agentProvider(AUDIENCE);
  closing.push(() => made.close());
  return made;
}

/** Tokens judged with a steady clock that the test moves. */
function judged(own: AgentProvider) {
  let at = 1_000_000;
  const steady = { now: () => new Date(at) };
  const terms = { issuer: own.issuer, audience: AUDIENCE, longestMs: 3_600_000, introspection: null };
  const tokens = agentTokens(() => terms, { clock: { now: () => new Date() }, steady });
  return {
    kindOf: async (token: string): Promise<string> => {
      const read = await tokens.read(token, 'https://here/mcp/x');
      return read.kind === 'refused' ? read.fault : read.kind;
    },
    pass: (ms: number): void => {
      at += ms;
    },
    look: () => tokens.look(),
  };
}

const keysAsked = (own: AgentProvider): number => own.asked.filter((one) => one === 'GET /jwks').length;

describe('The keys of a provider', () => {
  it('are fetched once, and once more at a name that is not among them, every 30 s at most', async () => {
    const own = await provider();
    const { kindOf, pass } = judged(own);
    const tokens = await Promise.all(Array.from({ length: 20 }, () => own.token()));
    assert.deepEqual(new Set(await Promise.all(tokens.map(kindOf))), new Set(['account']));
    assert.equal(keysAsked(own), 1);
    await own.turnKey('second');
    assert.equal(await kindOf(await own.token()), 'key', 'asked a moment ago');
    assert.equal(keysAsked(own), 1);
    pass(30_000);
    assert.equal(await kindOf(await own.token()), 'account');
    assert.equal(keysAsked(own), 2);
    assert.equal(await kindOf(tokens[0]!), 'key', 'what the old key signed is over, though it was checked before');
    for (let n = 0; n < 50; n += 1) await kindOf(await own.byStranger({}, { kid: `made-up-${n}` }));
    assert.equal(keysAsked(own), 2);
  });

  it('are brought up to date after 5 minutes, without anybody waiting', async () => {
    const own = await provider();
    const { kindOf, pass } = judged(own);
    assert.equal(await kindOf(await own.token()), 'account');
    const old = await own.token();
    await own.turnKey('second');
    pass(5 * 60_000);
    assert.equal(await kindOf(old), 'account', 'nobody waits for the newer ones');
    for (let n = 0; keysAsked(own) < 2 && n < 500; n += 1) await new Promise((resolve) => setTimeout(resolve, 10));
    for (let n = 0; (await kindOf(old)) === 'account' && n < 500; n += 1)
      await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(await kindOf(old), 'key');
  });

  it('serve for an hour while the provider is away, then nothing is accepted, and it is said whose fault it is', async () => {
    const own = await provider();
    const { kindOf, pass } = judged(own);
    const token = await own.token();
    assert.equal(await kindOf(token), 'account');
    await own.away(true);
    pass(KEYS_OLD_MS - 1);
    assert.equal(await kindOf(token), 'account');
    pass(30_001);
    await assert.rejects(
      kindOf(token),
      (error) => error instanceof Unavailable && error.part === 'provider' && /does not answer/.test(error.message),
    );
    assert.equal(await kindOf(await own.token({ iss: 'https://other' })), 'issuer', 'what needs no key is still told');
    await own.away(false);
    pass(5_000);
    assert.equal(await kindOf(token), 'account');
  });

  for (const [what, answer, says] of [
    ['names another issuer', { discovery: { issuer: 'https://other.example', jwks_uri: 'x' } }, /names another issuer/],
    [
      'keeps its keys at a place without https',
      { discovery: { jwks_uri: 'http://example.com/jwks' } },
      /no jwks_uri with https/,
    ],
    ['keeps its keys in a file', { discovery: { jwks_uri: 'file:///etc/passwd' } }, /no jwks_uri with https/],
    ['has no keys', { jwks: { keys: [] } }, /no key that signs/],
    ['has shared secrets only', { jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0', alg: 'HS256' }] } }, /no key that signs/],
    [
      'has keys for encryption only',
      { jwks: { keys: [{ kty: 'RSA', use: 'enc', n: 'x', e: 'AQAB' }] } },
      /no key that signs/,
    ],
    ['answers with megabytes', { jwks: { keys: [], filling: 'x'.repeat(600_000) } }, /more than 524288 bytes/],
  ] as const) {
    it(`are none where the provider ${what}, and doctor says so`, async () => {
      const own = await provider();
      own.say('discovery' in answer ? { discovery: { issuer: own.issuer, ...answer.discovery } } : answer);
      const { look, kindOf } = judged(own);
      const found = await look();
      assert.equal(found?.kind, 'unusable');
      assert.match(found?.kind === 'unusable' ? found.why : '', says);
      await assert.rejects(kindOf(await own.token()), Unavailable);
    });
  }

  for (const [what, behave, says] of [
    [
      'redirects',
      (response: ServerResponse) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      /answered 302/,
    ],
    ['fails', (response: ServerResponse) => response.writeHead(500).end(), /answered 500/],
    ['answers with a page', (response: ServerResponse) => response.end('<html>'), /JSON object/],
    ['never ends', (response: ServerResponse) => endless(response), /more than 524288 bytes/],
    [
      'breaks off',
      (response: ServerResponse) => response.write('{', () => response.destroy()),
      /broke off|does not answer/,
    ],
    ['has nothing there', (response: ServerResponse) => response.writeHead(404).end(), /no discovery document/],
  ] as const) {
    it(`are none where the provider ${what}`, async () => {
      const server = createServer((_, response) => void behave(response));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      closing.push(async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      });
      const keys = new ProviderKeys(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, () => 1_000_000);
      await assert.rejects(keys.current(), (error) => error instanceof Unavailable && says.test(error.message));
    });
  }
});

function endless(response: ServerResponse): void {
  const more = (): void => {
    while (response.write('x'.repeat(65_536)));
    response.once('drain', more);
  };
  more();
}
