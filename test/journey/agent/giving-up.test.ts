import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client as NewClient, StreamableHTTPClientTransport as NewTransport } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Agent, type ToolAnswer, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type ErasUpstream, erasUpstream, saying } from '../../support/upstream/eras.ts';
import { type SdkUpstream, sdkUpstream } from '../../support/upstream/sdk.ts';
import { eventually } from '../../support/wait.ts';

const PROGRAM = fileURLToPath(new URL('../../support/upstream/sdk-stdio.ts', import.meta.url));
const POLICY = 'version: "1"\ndefault: require_approval\n';
/** How long a client waits, in ms: long enough for a call that is approved at once to reach its server. */
const PATIENCE = 2_500;
/** How long the server takes, in ms from the sending: longer than any client waits. */
const SLOW = 4_000;

type AnyClient = Pick<Client, 'close'> & {
  callTool(params: object, schema?: undefined, options?: object): Promise<unknown>;
};

let sdk: SdkUpstream;
let eras: ErasUpstream;
let house: House;
let gateway: GatewayProcess;
const clients: AnyClient[] = [];

before(async () => {
  [sdk, eras] = await Promise.all([sdkUpstream(), erasUpstream()]);
  house = await openHouse({
    servers: {
      http: { at: `url: "${sdk.url}"`, policy: POLICY },
      stdio: { at: `command: ["${process.execPath}", "${PROGRAM}"]`, policy: POLICY },
      newest: { at: `url: "${eras.url}"`, policy: POLICY },
    },
    approval: '{ timeout: 10m, grace: 6s, hold: { default: 60s, progress: 60s, leg: 60s } }',
  });
  gateway = await house.start();
  const runs = new Map<string, number>();
  eras.behave = async ({ params }) => {
    const { said, ms } = params.arguments as { said: string; ms: number };
    runs.set(said, (runs.get(said) ?? 0) + 1);
    await new Promise((resolve) => setTimeout(resolve, ms));
    return saying(`${said} ran ${runs.get(said)}`);
  };
});
after(async () => {
  for (const client of clients) await client.close().catch(() => undefined);
  await house.close();
  await sdk[Symbol.asyncDispose]();
  await eras.close();
});

const to = (server: string): URL => new URL(`${gateway.url}/mcp/${server}`);
const requestInit = () => ({ headers: { authorization: `Bearer ${house.tokens.agent}` } });

const CLIENTS: Readonly<Record<string, (server: string) => Promise<AnyClient>>> = {
  'SDK v1': async (server) => {
    const client = new Client({ name: 'old', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(to(server), { requestInit: requestInit() }) as never);
    return client as never;
  },
  'SDK v2': (server) => newClient(server, {}),
  'SDK v2, newest revision': (server) => newClient(server, { versionNegotiation: { mode: 'auto' } }),
  'mcp-remote': async (server) => {
    const bin = new URL('../../../node_modules/mcp-remote/dist/proxy.js', import.meta.url).pathname;
    const args = [bin, to(server).href, '--transport', 'http-only', '--allow-http', '--header'];
    const env = { PATH: process.env.PATH ?? '', HOME: house.folder, TOKEN: requestInit().headers.authorization };
    const client = new Client({ name: 'behind mcp-remote', version: '1' });
    const command = { command: process.execPath, args: [...args, `Authorization:$\{TOKEN}`], env };
    await client.connect(new StdioClientTransport({ ...command, stderr: 'ignore' }) as never);
    return client as never;
  },
};

async function newClient(server: string, more: object): Promise<AnyClient> {
  const client = new NewClient({ name: 'new', version: '1' }, more);
  await client.connect(new NewTransport(to(server), { requestInit: requestInit() }));
  return {
    callTool: (params, _, options) => client.callTool(params as never, options as never),
    close: () => client.close(),
  };
}

async function connected(kind: string, server: string): Promise<AnyClient> {
  const client = await CLIENTS[kind]!(server);
  clients.push(client);
  return client;
}

const PLACES = [
  ['SDK v1', 'http'],
  ['SDK v1', 'stdio'],
  ['SDK v2', 'http'],
  ['SDK v2', 'stdio'],
  ['SDK v2, newest revision', 'newest'],
  ['mcp-remote', 'http'],
  ['mcp-remote', 'stdio'],
] as const;

describe('giving up is not calling off', { concurrency: false }, () => {
  for (const [kind, server] of PLACES) {
    test(`P2: ${kind} at ${server} gives up while its call runs: the identical call has the outcome`, async () => {
      const client = await connected(kind, server);
      const args = { said: `${kind} ${server}`, ms: SLOW };
      const call = (timeout: number) => client.callTool({ name: 'slow', arguments: args }, undefined, { timeout });
      const first = call(PATIENCE);
      first.catch(() => undefined);
      const { id } = await gateway.pending('slow', args);
      await house.approve(id);
      await assert.rejects(first, /time[d ]*-?out/i);
      assert.equal(textOf((await call(30_000)) as ToolAnswer), `${args.said} ran 1`);
      assert.equal((await gateway.approval(id)).state, 'succeeded');
    });
  }

  for (const [kind, server] of PLACES.filter(([name]) => !name.includes('newest'))) {
    test(`P4: ${kind} at ${server} gives up again and again before the decision: there is one question`, async () => {
      const client = await connected(kind, server);
      const args = { said: `asks ${kind} ${server}`, ms: 0 };
      const call = (timeout: number) => client.callTool({ name: 'slow', arguments: args }, undefined, { timeout });
      const first = call(900);
      first.catch(() => undefined);
      const { id } = await gateway.pending('slow', args);
      await assert.rejects(first, /time[d ]*-?out/i);
      await eventually('its card says so', async () => ((await gateway.approval(id)).gaveUp === 1 ? true : null));
      await house.card(id, /gave up waiting/);
      await assert.rejects(call(900), /time[d ]*-?out/i);
      const last = call(30_000);
      await eventually('it is back', async () => ((await gateway.approval(id)).gaveUp === 0 ? true : null));
      assert.equal((await gateway.pending('slow', args)).id, id);
      await house.approve(id);
      assert.equal(textOf((await last) as ToolAnswer), `${args.said} ran 1`);
    });
  }

  test('P2: a pass whose caller gave up before the decision runs nothing until the call comes again', async () => {
    const client = await connected('SDK v1', 'http');
    const args = { said: 'decided too late', ms: 0 };
    const call = (timeout: number) => client.callTool({ name: 'slow', arguments: args }, undefined, { timeout });
    const first = call(900);
    first.catch(() => undefined);
    const { id } = await gateway.pending('slow', args);
    await assert.rejects(first, /time/i);
    await eventually('it gave up', async () => ((await gateway.approval(id)).gaveUp === 1 ? true : null));
    await house.approve(id);
    assert.equal((await gateway.reaches(id, 'approved')).state, 'approved');
    assert.equal(textOf((await call(30_000)) as ToolAnswer), `${args.said} ran 1`);
  });

  test('a question whose caller gave up and stays away is withdrawn after the grace, and its card says why', async () => {
    const client = await connected('SDK v1', 'http');
    const args = { said: 'stays away', ms: 0 };
    const first = client.callTool({ name: 'slow', arguments: args }, undefined, { timeout: 900 });
    first.catch(() => undefined);
    const { id } = await gateway.pending('slow', args);
    await assert.rejects(first, /time/i);
    const withdrawn = await eventually(
      'it is withdrawn',
      async () => {
        const now = await gateway.approval(id);
        return now.state === 'withdrawn' ? now : null;
      },
      30_000,
    );
    assert.match(withdrawn.note!, /gave up waiting and did not come back/);
    await house.card(id, /gave up waiting and did not come back/);
  });

  test('P3: what a person calls off is withdrawn at once, and a server hears of what it runs', async () => {
    const agent = await Agent.open(to('newest').href, house.tokens.agent!);
    const waiting = agent.call('create_key', { said: 'called off', ms: 0 });
    const { id } = await gateway.pending('create_key', { said: 'called off', ms: 0 });
    await agent.cancel(waiting.id, 'AbortError: This operation was aborted');
    await gateway.reaches(id, 'withdrawn');

    const args = { said: 'called off while it runs', ms: SLOW };
    const running = agent.call('create_key', args);
    const sent = await gateway.pending('create_key', args);
    await house.approve(sent.id);
    await eventually('it runs', () => (eras.count('create_key', args) === 1 ? true : null));
    await agent.cancel(running.id, 'AbortError: This operation was aborted');
    const heard = () => eras.messages.some((text) => text.includes('notifications/cancelled')) || null;
    await eventually('the server hears of it', heard);
    assert.equal(textOf(await agent.call('create_key', args).answer), `${args.said} ran 1`);
  });

  test('P2: a session that ends while its call runs leaves the outcome to the identical call of the next one', async () => {
    const agent = await Agent.open(to('newest').href, house.tokens.agent!);
    const args = { said: 'session ended', ms: SLOW };
    agent.call('create_key', args);
    const { id } = await gateway.pending('create_key', args);
    await house.approve(id);
    await eventually('it runs', () => (eras.count('create_key', args) === 1 ? true : null));
    await agent.end();
    const next = await Agent.open(to('newest').href, house.tokens.agent!);
    assert.equal(textOf(await next.call('create_key', args).answer), `${args.said} ran 1`);
  });

  test('P4: of two calls with one id, a cancellation withdraws none', async () => {
    const agent = await Agent.open(to('newest').href, house.tokens.agent!);
    for (const said of ['one', 'two']) agent.call('create_key', { said, ms: 0 }, { id: 1 });
    const ids = [];
    for (const said of ['one', 'two']) ids.push((await gateway.pending('create_key', { said, ms: 0 })).id);
    assert.equal(await agent.cancel(1, 'changed my mind'), 202);
    for (const id of ids) assert.equal((await gateway.approval(id)).state, 'pending');
  });
});
