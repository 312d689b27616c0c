import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { OAuth2Server } from 'oauth2-mock-server';
import { callTool, noteOf, textOf } from '../../support/agent/agent.ts';
import { type AgentsWorld, agentsWorld } from '../../support/people/agents-world.ts';
import { signedInApplication } from '../../support/people/application.ts';
import { type AuthorizationServer, authorizationServer, consentAs } from '../../support/people/authorization-server.ts';
import { eventually } from '../../support/wait.ts';

describe('Clients that do OAuth by themselves, with nothing but the address', () => {
  let server: AuthorizationServer;
  let world: AgentsWorld;
  before(async () => {
    server = await authorizationServer(['engineers']);
    world = await agentsWorld({ issuer: server.issuer, oauth: ', scopes: [mcp]' });
  });
  after(async () => {
    await world.close();
    await server.close();
  });

  it('SDK v1: registers, signs in, calls; what it asks for is its person’s, and goes on with a new token', async () => {
    const { client, authProvider } = await signedInApplication(`${world.url}/mcp/tools`, 'mira');
    assert.ok(server.asked.includes('POST /reg'));
    assert.equal(authProvider.sentTo[0]!.searchParams.get('resource'), `${world.url}/mcp/tools`);
    assert.equal(authProvider.sentTo[0]!.searchParams.get('scope'), 'mcp');
    assert.match(textOf(await callTool(client, 'read', {})), /done/);
    const { id } = noteOf(await callTool(client, 'create_key', { name: 'by OAuth' }));
    const approval = (await world.gateway.approval(id)) as unknown as { owner: string; grant: string };
    assert.deepEqual([approval.owner, approval.grant], ['U0MIRA', 'people']);
    await world.house.approve(id, 'U0ALEX');
    await eventually('the outcome', async () =>
      textOf(await callTool(client, 'create_key', { name: 'by OAuth' })).includes('done') ? true : null,
    );
    const before = JSON.stringify(authProvider.kept.tokens);
    // As the token's end would: the client refreshes by itself.
    authProvider.kept.tokens = { ...(authProvider.kept.tokens as object), access_token: 'e30.e30.e30' };
    assert.match(textOf(await callTool(client, 'read', {})), /done/);
    assert.notEqual(JSON.stringify(authProvider.kept.tokens), before);
    await client.close();
  });

  it('a token for one server is none for another, and the client is told to get one', async () => {
    const { authProvider, client } = await signedInApplication(`${world.url}/mcp/tools`, 'olga');
    const { access_token: token } = authProvider.kept.tokens as { access_token: string };
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await fetch(`${world.url}/mcp/other`, { method: 'POST', headers, body: '{}' });
    assert.equal(answer.status, 401);
    assert.match(answer.headers.get('www-authenticate') ?? '', /oauth-protected-resource\/mcp\/other".*audience/);
    await client.close();
  });

  it('mcp-remote: its person signs in, and the call is theirs', async () => {
    const home = mkdtempSync(join(tmpdir(), 'holdfast-remote-'));
    const bin = new URL('../../../node_modules/mcp-remote/dist/proxy.js', import.meta.url).pathname;
    const args = [bin, `${world.url}/mcp/tools`, '--transport', 'http-only', '--allow-http'];
    // Without programs to find, no browser is opened; the address is printed.
    const env = { PATH: '/nonexistent', HOME: home, MCP_REMOTE_CONFIG_DIR: home };
    const transport = new StdioClientTransport({ command: process.execPath, args, env, stderr: 'pipe' });
    let said = '';
    transport.stderr?.on('data', (part: Buffer) => {
      said += part.toString();
    });
    const client = new Client({ name: 'behind mcp-remote', version: '1' });
    const connected = client.connect(transport as never, { timeout: 120_000 });
    connected.catch(() => undefined);
    try {
      const url = await eventually(
        'the address',
        async () => new RegExp(`${server.issuer}/auth\\?\\S+`).exec(said)?.[0] ?? null,
      );
      const own = new URL(url).searchParams.get('redirect_uri')!;
      const back = await consentAs('mira', url, (at) => at.startsWith(own));
      await (await fetch(back)).text();
      await connected;
      assert.match(textOf(await callTool(client, 'read', {})), /done/);
      const { id } = noteOf(await callTool(client, 'create_key', { name: 'by mcp-remote' }));
      assert.equal(((await world.gateway.approval(id)) as unknown as { owner: string }).owner, 'U0MIRA');
      await world.house.deny(id);
    } catch (error) {
      throw new Error(said, { cause: error });
    } finally {
      await client.close();
      rmSync(home, { recursive: true, force: true });
    }
  });
});

describe('A provider that knows no resources and no registration', () => {
  const server = new OAuth2Server();
  let world: AgentsWorld;
  before(async () => {
    await server.issuer.keys.generate('RS256');
    await server.issuer.keys.generate('ES256');
    await server.start(0, 'localhost');
    server.service.on('beforeTokenSigning', (token: { payload: Record<string, unknown> }) => {
      Object.assign(token.payload, { aud: 'https://holdfast.example.com', sub: 'mira', groups: ['engineers'] });
    });
    world = await agentsWorld({ issuer: server.issuer.url! });
  });
  after(async () => {
    await world.close();
    await server.stop();
  });

  it('serves with a configured audience and a client that was registered by hand', async () => {
    const { client } = await signedInApplication(`${world.url}/mcp/tools`, 'mira', { client_id: 'by-hand' });
    assert.match(textOf(await callTool(client, 'read', {})), /done/);
    const { id } = noteOf(await callTool(client, 'create_key', { name: 'by a mock' }));
    assert.equal(((await world.gateway.approval(id)) as unknown as { owner: string }).owner, 'U0MIRA');
    await world.house.deny(id);
    await client.close();
  });

  it('its tokens by any of its keys are taken', async () => {
    for (const { kid } of server.issuer.keys.toJSON()) {
      const token = await server.issuer.buildToken({ kid, expiresIn: 300 });
      const [head, body] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString());
      assert.match(head!, /RS256|ES256/);
      assert.doesNotMatch(body!, /engineers/, 'it has no groups here, so it has no grant');
      const answer = await fetch(`${world.url}/mcp/tools`, {
        method: 'POST',
        body: '{}',
        headers: { authorization: `Bearer ${token}` },
      });
      assert.equal(answer.status, 401);
      assert.match(await answer.text(), /audience/, 'the signature was taken');
    }
  });
});
