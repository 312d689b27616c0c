import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { Agent, sdkClient, type ToolAnswer, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { freePort } from '../../support/port.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const PROGRAMS = new URL('../../../node_modules/', import.meta.url).pathname;
const CHILD = fileURLToPath(new URL('../../support/stdio/raw-child.ts', import.meta.url));
const EVERYTHING = `version: "1"
default: allow
hide: [get-env]
tools:
  get-sum: { action: require_approval }
`;
const ASKING = 'version: "1"\ndefault: require_approval\n';
const LIMITED =
  'version: "1"\ndefault: deny\ntools:\n  read: { rate_limit: 2/hour }\n  create_key: { action: require_approval }\n';
const PACKERS = { gzip: gzipSync, deflate: deflateRawSync, br: brotliCompressSync, zstd: zstdCompressSync };

/** A proxy that packs every answer with the codings in turn, whatever was asked for. */
async function packingProxy(port: number): Promise<Server> {
  const codings = Object.entries(PACKERS);
  let turn = 0;
  const proxy = createServer((asked, answer) => {
    const { method, url, headers } = asked;
    const sent = request({ port, host: '127.0.0.1', method, path: url, headers }, (got) => {
      const chunks: Buffer[] = [];
      got.on('data', (chunk) => chunks.push(chunk));
      got.on('end', () => {
        const [coding, pack] = codings[turn++ % codings.length]!;
        const { 'content-length': _, 'transfer-encoding': __, ...kept } = got.headers;
        answer.writeHead(got.statusCode!, { ...kept, 'content-encoding': coding });
        answer.end(pack(Buffer.concat(chunks)));
      });
    });
    asked.pipe(sent);
    answer.on('close', () => sent.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return proxy;
}

describe('answers as servers and proxies really give them', { concurrency: false }, () => {
  let port: number;
  let everything: ChildProcess;
  let proxy: Server;
  let counting: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;

  async function startEverything(): Promise<void> {
    const program = `${PROGRAMS}@modelcontextprotocol/server-everything/dist/index.js`;
    const env = { PATH: process.env.PATH, PORT: String(port) };
    const started = spawn(process.execPath, [program, 'streamableHttp'], { env, stdio: 'ignore' });
    everything = started;
    await eventually(
      'it listens',
      () => {
        assert.equal(started.exitCode, null, 'the server has not ended');
        return fetch(`http://127.0.0.1:${port}/mcp`).then(
          () => true,
          () => null,
        );
      },
      20_000,
    );
  }
  async function stopEverything(): Promise<void> {
    const gone = new Promise((resolve) => everything.once('exit', resolve));
    everything.kill('SIGKILL');
    await gone;
  }

  before(async () => {
    port = await freePort();
    counting = await countingUpstream();
    await startEverything();
    proxy = await packingProxy(port);
    const packed = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/mcp`;
    house = await openHouse({
      servers: {
        everything: { at: `url: "http://127.0.0.1:${port}/mcp"`, policy: EVERYTHING },
        packed: { at: `url: "${packed}"`, policy: EVERYTHING },
        limited: { at: `url: "${counting.url}", not_run: [429, 503]`, policy: LIMITED },
        child: { at: `command: ["${process.execPath}", "${CHILD}"]`, policy: ASKING },
      },
      approval: '{ timeout: 10m, hold: { default: 20s, progress: 60s, leg: 20s } }',
    });
    gateway = await house.start();
  });
  after(async () => {
    await house?.close();
    proxy?.close();
    proxy?.closeAllConnections();
    await stopEverything();
    await counting.close();
  });

  const open = (server: string) => Agent.open(`${gateway.url}/mcp/${server}`, house.tokens.agent!);

  test('P2: the everything-server restarts while a call waits: the call is run once, in a new session', async () => {
    const agent = await open('everything');
    const held = agent.call('get-sum', { a: 19, b: 23 }, { meta: { progressToken: 'p' } });
    const { id } = await gateway.pending('get-sum');
    await stopEverything();
    await startEverything();
    await house.approve(id);
    assert.match(textOf(await held.answer), /42/);
    const now = await gateway.approval(id);
    assert.equal(now.state, 'succeeded');
    assert.match(now.note ?? '', /in a new session/);
    assert.equal((await agent.post({ jsonrpc: '2.0', id: 9, method: 'ping' })).status, 400, 'its own session is gone');
  });

  test('P9: a server behind a proxy that packs everything can be used, with hidden and gated tools', async () => {
    const client = await sdkClient(`${gateway.url}/mcp/packed`, house.tokens.agent!);
    for (let turn = 0; turn < 4; turn += 1) {
      const { tools } = await client.listTools();
      assert.ok(tools.some(({ name }) => name === 'get-sum'));
      assert.ok(!tools.some(({ name }) => name === 'get-env'), 'a hidden tool is not shown');
      const echoed = (await client.callTool({ name: 'echo', arguments: { message: `m${turn}` } })) as ToolAnswer;
      assert.match(textOf(echoed), new RegExp(`m${turn}`));
      const held = client.callTool({ name: 'get-sum', arguments: { a: turn, b: 100 } });
      const { id } = await gateway.pending('get-sum', { a: turn });
      await house.approve(id);
      assert.match(textOf((await held) as ToolAnswer), new RegExp(`${100 + turn}`));
    }
    await client.close();
  });

  for (const status of [401, 429, 503]) {
    test(`P2, P5: a pass is not used up by a ${status} that says that nothing ran, nor is a limit`, async () => {
      const agent = await open('limited');
      const args = { status };
      counting.behave = () => ({ status });
      const first = agent.call('create_key', args);
      const { id } = await gateway.pending('create_key', args);
      await house.approve(id);
      const told = await first.answer;
      assert.equal(told.isError, true);
      assert.match(textOf(told), new RegExp(String(status)));
      assert.equal((await gateway.approval(id)).state, 'approved');
      for (let n = 0; n < 4; n += 1) await agent.call('read', { n }).answer.catch(() => undefined);
      counting.behave = () => ({ text: 'done' });
      assert.equal(textOf(await agent.call('create_key', args).answer), 'done');
      assert.equal((await gateway.approval(id)).state, 'succeeded');
      assert.equal(counting.count('create_key', args), 2, 'the refused one and the one that ran');
      // The limit counts by session: two of this one's calls may run, and what was refused so was none of them.
      for (let n = 10; n < 12; n += 1) assert.equal(textOf(await agent.call('read', { n }).answer), 'done');
      assert.match(textOf(await agent.call('read', { n: 12 }).answer), /limit/i);
    });
  }

  test('P2: two calls with one id over stdio are two calls', async () => {
    const agent = await open('child');
    const held = ['one', 'two'].map((name) => agent.call('tool', { name }, { id: 1 }));
    for (const name of ['one', 'two']) await house.approve((await gateway.pending('tool', { name })).id);
    const answers = await Promise.all(held.map(({ answer }) => answer));
    const lines = JSON.parse(textOf(answers.at(-1)!)) as string[];
    const calls = new Set(
      answers
        .flatMap((answer) => JSON.parse(textOf(answer)) as string[])
        .concat(lines)
        .map((line) => Buffer.from(line, 'base64').toString())
        .filter((line) => line.includes('tools/call')),
    );
    assert.equal(calls.size, 2, 'each ran; `contract/stdio/own-ids` has them under way at the same time');
  });

  test('P1: a gated call with arguments and _meta of null is shown and sent without them', async () => {
    const agent = await open('child');
    const text =
      '{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"bare","arguments":null,"_meta":null}}';
    const answer = agent.post(text).then((response) => response.text());
    const { id } = await gateway.pending('bare');
    await house.approve(id);
    const [, said = ''] = /"text":"((?:[^"\\]|\\.)*)"/.exec(await answer) ?? [];
    const lines = JSON.parse(JSON.parse(`"${said}"`)) as string[];
    const sent = Buffer.from(lines.at(-1)!, 'base64').toString();
    assert.equal(sent, '{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"bare"}}');
  });
});
