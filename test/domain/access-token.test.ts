import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfig } from '../../src/config/config-file.ts';
import { judgeTokenClaims } from '../../src/domain/people/access-token.ts';
import { accessTokenDoor } from '../../src/main/access-tokens.ts';
import type { LiveRules } from '../../src/main/rules/live-rules.ts';

const NOW = new Date('2026-11-30T10:00:00Z');
const S = NOW.getTime() / 1_000;
const CLIENT = '6f1c0000-0000-0000-0000-000000000001';
const ISSUER = 'https://login.example.com/T/v2.0';
/** An ID token of the code flow, which needs neither nonce nor at_hash. */
const ID_TOKEN = { aud: CLIENT, iss: ISSUER, iat: S - 5, nbf: S - 5, exp: S + 3_600, sub: 's-1', groups: ['eng'] };

describe('an audience that is a client id', () => {
  const judge = (claims: Record<string, unknown>, header: Record<string, unknown> = { typ: 'JWT', alg: 'RS256' }) => {
    const terms = { issuer: ISSUER, audiences: [CLIENT, 'https://holdfast.example.com/mcp/a'], longestMs: 86_400_000 };
    const judged = judgeTokenClaims(header, { ...ID_TOKEN, ...claims }, terms, NOW);
    return judged.kind === 'account' ? 'taken' : judged.fault;
  };

  for (const [what, claims, header, said] of [
    ['an ID token without nonce and at_hash', {}, undefined, 'id_token'],
    ['one with the client in a list', { aud: [CLIENT] }, undefined, 'id_token'],
    ['one with an empty scope', { scope: '' }, undefined, 'id_token'],
    ['an access token with scp', { scp: 'mcp' }, undefined, 'taken'],
    ['one with scope', { scope: 'mcp' }, undefined, 'taken'],
    ['one of RFC 9068', {}, { typ: 'at+jwt', alg: 'RS256' }, 'taken'],
    ['one of Keycloak', { typ: 'Bearer' }, undefined, 'taken'],
    ['one of Cognito', { token_use: 'access' }, undefined, 'taken'],
    ['one of an application of Entra ID', { idtyp: 'app', roles: ['x'] }, undefined, 'taken'],
    ['one for the server’s own address', { aud: 'https://holdfast.example.com/mcp/a' }, undefined, 'taken'],
    ['one for both', { aud: [CLIENT, 'https://holdfast.example.com/mcp/a'] }, undefined, 'taken'],
  ] as const)
    test(`P3: ${what}: ${said}`, () => assert.equal(judge(claims, header), said));

  test('P3: is not that of the console’s sign-in', () => {
    const faults = (audience: string, issuer = ISSUER) => {
      const text = `version: "1"
servers: { a: { url: "http://127.0.0.1:1/mcp", policy: p.yaml } }
grants: [{ name: eng, servers: [a], owner: none }]
oidc: { issuer: "${issuer}", client_id: "${CLIENT}" }
oauth: { issuer: "${ISSUER}", audience: "${audience}", grants: [{ claim: groups, equals: eng, grant: eng }] }
`;
      const parsed = parseConfig(text, { path: '/x/holdfast.yaml', env: {} });
      return parsed.ok ? '' : parsed.faults.map(({ path, message }) => `${path} ${message}`).join('\n');
    };
    assert.match(faults(CLIENT), /oauth\.audience is oidc\.client_id of the same issuer, so the ID tokens/);
    assert.equal(faults('api://holdfast'), '');
    assert.equal(faults(CLIENT, 'https://elsewhere.example.com'), '');
  });
});

test('while the provider is away, strangers’ tokens write one line a minute', async () => {
  const lines: string[] = [];
  let now = NOW.getTime();
  const clock = { now: () => new Date(now) };
  const log = { error: (_: object, said: string) => void lines.push(said), warn: () => {} };
  const issuer = 'http://127.0.0.1:1';
  const config = { oauth: { issuer, audience: null, longestMs: 86_400_000, introspection: null } };
  const rules = { loaded: { config, secrets: { oauthClientSecret: null } } };
  const door = accessTokenDoor(
    { clock, steady: clock, log, storage: { connection: { db: null } } } as never,
    {} as never,
    {} as never,
    { clock },
    rules as unknown as LiveRules,
  );
  const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const send = async (n: number) => {
    const token = `${encoded({ alg: 'RS256', kid: 'k' })}.${encoded({ iss: issuer, n })}.c2ln`;
    assert.equal((await door.admit(token, 'https://holdfast.example.com/mcp/a')).kind, 'unavailable');
  };
  for (let n = 0; n < 5; n += 1) await send(n);
  assert.equal(lines.length, 1);
  now += 60_000;
  for (let n = 5; n < 8; n += 1) await send(n);
  assert.equal(lines.length, 2);
});
