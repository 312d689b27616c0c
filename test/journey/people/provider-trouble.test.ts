import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { oidcProvider } from '../../../src/oidc/provider.ts';
import { type ProviderTerms, Unavailable, type Vouched } from '../../../src/ports.ts';
import { startForger } from '../../support/people/forged-provider.ts';

const SECRET = 'client-secret-for-tests-only-32-octets';
const CLOCK = { now: () => new Date() };
const BACK = 'http://127.0.0.1:1/oidc/callback';

describe('A provider in trouble', () => {
  let forger: Awaited<ReturnType<typeof startForger>>;
  beforeEach(async () => {
    forger = await startForger('holdfast', SECRET);
  });
  afterEach(() => forger.close());

  const terms = (): ProviderTerms => {
    const { issuer } = forger;
    return { issuer, clientId: 'holdfast', clientSecret: SECRET, scopes: [], claim: null, values: new Set() };
  };
  const isAway = (error: unknown): boolean => error instanceof Unavailable && error.part === 'provider';
  const isDiscovery = (one: string): boolean => one.includes('.well-known');

  it('that fails is asked once for all who want to sign in, and not again right after it', async () => {
    const provider = oidcProvider(terms, CLOCK);
    forger.forge({
      answer: (_, response) => {
        setTimeout(() => response.writeHead(500).end(), 100);
        return true;
      },
    });
    const all = await Promise.allSettled(Array.from({ length: 50 }, () => provider.begin(BACK)));
    assert.ok(all.every((one) => one.status === 'rejected' && isAway(one.reason)));
    await assert.rejects(provider.begin(BACK), isAway);
    assert.equal(forger.asked.filter(isDiscovery).length, 1);
  });

  it('that is well again is used, and asked for what it is once', async () => {
    const provider = oidcProvider(terms, CLOCK);
    const urls = await Promise.all(Array.from({ length: 20 }, async () => (await provider.begin(BACK)).url));
    assert.equal(new Set(urls).size, 20, 'each has a state of its own');
    assert.equal(forger.asked.filter(isDiscovery).length, 1);
  });

  it('that answers one request slowly and the next one never is given up within one time for both', async () => {
    const provider = oidcProvider(terms, CLOCK, 1_000);
    await provider.begin(BACK);
    const slow = (path: string) => path === '/token' || path === '/userinfo';
    let asked = 0;
    forger.forge({
      answer: (path, response) => {
        if (!slow(path)) return false;
        asked += 1;
        if (path === '/userinfo') return true;
        setTimeout(() => {
          const json = JSON.stringify({ access_token: 'a', token_type: 'bearer' });
          response.writeHead(200, { 'content-type': 'application/json' }).end(json);
        }, 200);
        return true;
      },
    });
    const before: Vouched = {
      identity: { issuer: forger.issuer, subject: 'mira', email: null, name: 'M', values: [], lacking: null },
      session: null,
      onlyInIdToken: { claim: null, email: false },
      tokens: JSON.stringify({ access: 'a', refresh: 'r', until: null }),
    };
    const began = performance.now();
    await assert.rejects(provider.again(before), isAway);
    const took = performance.now() - began;
    assert.equal(asked, 2, 'the second was under way');
    assert.ok(took < 5_000, `${took} ms: one answer alone may take ten seconds`);
  });
});
