import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Agent, callTool, noteOf, textOf } from '../../support/agent/agent.ts';
import { type AgentsWorld, agentsWorld } from '../../support/people/agents-world.ts';
import { signedInApplication } from '../../support/people/application.ts';
import {
  type AuthorizationServer,
  authorizationServer,
  RESOURCE_SERVER,
} from '../../support/people/authorization-server.ts';
import { type RecordingUpstream, recordingUpstream } from '../../support/upstream/recording.ts';
import { eventually } from '../../support/wait.ts';

const SECRET = RESOURCE_SERVER.secret;
const house = { env: { HOLDFAST_OAUTH_CLIENT_SECRET: SECRET } };
/** Half a minute and more would be waited for otherwise. */
const SOON = `client_id: "${RESOURCE_SERVER.id}", recheck: 1s`;

const read = (url: string, bearer: string): Promise<Response> =>
  new Agent(url, bearer).post({
    ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
    params: { name: 'read', arguments: {} },
  });

describe('An access token that its provider takes back', () => {
  let server: AuthorizationServer;
  let world: AgentsWorld;
  before(async () => {
    server = await authorizationServer(['engineers'], true);
    const oauth = `, scopes: [mcp], introspection: { ${SOON}, opaque: true }`;
    world = await agentsWorld({ issuer: server.issuer, oauth, house });
  });
  after(async () => {
    await world.close();
    await server.close();
  });

  it('serves a client that knows the address alone, though it is opaque, and is refused soon after it was revoked', async () => {
    const url = `${world.url}/mcp/tools`;
    const { client, authProvider } = await signedInApplication(url, 'mira');
    const { access_token: token } = authProvider.kept.tokens as { access_token: string };
    assert.doesNotMatch(token, /\./, 'it is opaque');
    assert.match(textOf(await callTool(client, 'read', {})), /done/);
    const { id } = noteOf(await callTool(client, 'create_key', { name: 'opaque' }));
    const approval = (await world.gateway.approval(id)) as unknown as { owner: string; grant: string };
    assert.deepEqual([approval.owner, approval.grant], ['U0MIRA', 'people']);
    assert.equal((await read(`${world.url}/mcp/other`, token)).status, 401, 'it is for one server');

    const { client_id } = authProvider.kept.client as { client_id: string };
    const body = new URLSearchParams({ token, client_id, token_type_hint: 'access_token' });
    assert.equal((await fetch(`${server.issuer}/token/revocation`, { method: 'POST', body })).status, 200);
    const since = Date.now();
    const refused = await eventually('the refusal', async () => {
      const answer = await read(url, token);
      return answer.status === 401 ? answer : null;
    });
    assert.ok(Date.now() - since < 60_000);
    assert.match(
      refused.headers.get('www-authenticate') ?? '',
      /error="invalid_token", error_description="[^"]*provider/,
    );
    assert.match(await refused.text(), /The provider does not know it, or says that it is not good any more/);
    assert.equal((await read(url, world.house.tokens.agent!)).status, 200, 'a grant’s own token has no provider');
    await client.close().catch(() => undefined);
  });

  it('is asked about no more often than the config says, and made-up ones are refused and counted', async () => {
    const asked = (): number => server.asked.filter((one) => one === 'POST /token/introspection').length;
    const before = asked();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => read(`${world.url}/mcp/tools`, 'nobodys-token')),
    );
    assert.deepEqual(
      [...new Set(answers.map(({ status }) => status))].filter((status) => status !== 429),
      [401],
    );
    assert.ok(asked() - before <= 3, String(asked() - before));
  });

  it('is written nowhere, and neither is the secret by which the provider is asked', async () => {
    const events = await (await world.gateway.api('/api/events?limit=500')).text();
    const said = [events, world.gateway.log, world.gateway.stdout, world.upstream.heard.join('\n')].join('\n');
    for (const secret of ['nobodys-token', SECRET]) assert.ok(!said.includes(secret));
    assert.match(said, /refused within 60 seconds: it is asked about each/);
  });
});

describe('What stays open for agents whose tokens the provider is asked about', () => {
  let streaming: RecordingUpstream;
  let world: AgentsWorld;
  const revoked = new Set<string>();
  before(async () => {
    streaming = await recordingUpstream();
    streaming.script = ({ method }, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(method === 'GET' ? ': listening\n\n' : ': working\n\n');
    };
    const servers = { stream: `url: "${streaming.url}"` };
    world = await agentsWorld({ oauth: `, introspection: { ${SOON} }`, house, servers });
    world.provider.introspect(({ token }) => ({ active: !revoked.has(token) }));
  });
  after(async () => {
    await world.close();
    await streaming[Symbol.asyncDispose]();
  });

  const opened = async (method: 'GET' | 'POST', token: string) => {
    const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read', arguments: {} } };
    const response = await fetch(`${world.url}/mcp/stream`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
      },
      ...(method === 'POST' && { body: JSON.stringify(call) }),
    });
    assert.equal(response.status, 200);
    const stream = { ended: false };
    void (async () => {
      try {
        for await (const _ of response.body!);
      } catch {}
      stream.ended = true;
    })();
    return stream;
  };

  it('ends when the token is taken back: what listens and what is under way, of that token alone', async () => {
    const [bad, good] = [await world.provider.token(), await world.provider.token({ jti: 'another' })];
    const [listening, calling] = [await opened('GET', bad), await opened('POST', bad)];
    const lasting = [await opened('GET', good), await opened('POST', good)];
    revoked.add(bad);
    await eventually('the end of both', () => (listening.ended && calling.ended) || null, 15_000);
    const answer = await read(`${world.url}/mcp/tools`, bad);
    assert.equal(answer.status, 401);
    assert.match(answer.headers.get('www-authenticate') ?? '', /error="invalid_token".*active is false/);
    assert.deepEqual(
      lasting.map(({ ended }) => ended),
      [false, false],
    );
    assert.equal((await read(`${world.url}/mcp/tools`, good)).status, 200);
  });

  it('and, a little after the provider is away, everything; requests get 503, and a grant’s own token works', async () => {
    const token = await world.provider.token({ sub: 'olga' });
    const listening = await opened('GET', token);
    await world.provider.away(true);
    assert.equal((await read(`${world.url}/mcp/tools`, token)).status, 200, 'the last answer is young');
    const answer = await eventually('the refusal', async () => {
      const found = await read(`${world.url}/mcp/tools`, token);
      return found.status === 503 ? found : null;
    });
    assert.match(
      await answer.text(),
      /No access token can be judged now: the provider http:\/\/127[^"]*introspect does not answer \(ECONNREFUSED\)\. Nothing was forwarded/,
    );
    await eventually('the end of the stream', () => listening.ended || null, 15_000);
    assert.equal((await read(`${world.url}/mcp/tools`, world.house.tokens.agent!)).status, 200);
    await world.provider.away(false);
    await eventually('its return', async () =>
      (await read(`${world.url}/mcp/tools`, token)).status === 200 ? true : null,
    );
  });
});
