import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { oauthFindings } from '../../../src/cli/doctor/oauth.ts';
import type { Loaded } from '../../../src/config/load.ts';
import { type AgentProvider, agentProvider } from '../../support/people/agent-provider.ts';

const MINUTE = 60_000;

describe('What start and doctor say of how soon a revoked token is refused', () => {
  let provider: AgentProvider;
  before(async () => {
    provider = await agentProvider('https://holdfast.example.com');
    provider.introspect(() => ({ active: false }));
  });
  after(() => provider.close());

  const said = async (longestMs: number, introspection: object | null = null, secret = 'x'): Promise<string[]> => {
    const oauth = { issuer: provider.issuer, audience: null, longestMs, introspection, grants: [] };
    const loaded = { config: { oauth, people: new Map(), grants: [] }, secrets: { oauthClientSecret: secret } };
    const found = await oauthFindings(loaded as unknown as Loaded);
    return found.map(({ level, what }) => `${level}: ${what}`);
  };
  const asked = { clientId: 'gateway', recheckMs: 50_000, opaque: false };

  it('without introspection, as long as a token lives: a warning where that is more than 5 minutes', async () => {
    const words = (await said(24 * 60 * MINUTE)).join('\n');
    assert.match(words, /^warn: revocation takes as long as a token lives, up to 1440 minutes \(oauth\.longest\)/m);
    assert.match((await said(6 * MINUTE)).join('\n'), /^warn: revocation takes .* up to 6 minutes/m);
    const short = (await said(5 * MINUTE)).join('\n');
    assert.match(short, /^ok: revocation takes as long as a token lives, up to 5 minutes/m);
    assert.doesNotMatch(short, /^warn: revocation/m);
  });

  it('with it, 60 seconds, whatever a token’s length', async () => {
    const words = (await said(24 * 60 * MINUTE, asked)).join('\n');
    assert.match(words, /^ok: a token that is revoked at the provider is refused within 60 seconds/m);
    assert.doesNotMatch(words, /revocation takes/);
    assert.doesNotMatch(words, /^fault/m);
  });

  it('and that the provider cannot be asked, where it cannot', async () => {
    provider.introspect((_, response) => {
      response.writeHead(401).end();
      return null;
    });
    const words = (await said(5 * MINUTE, asked)).join('\n');
    assert.match(words, /^(fault|error): http[^ ]* cannot be asked about tokens: .*answered 401 .*No access token/m);
  });
});
