import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { callTool, noteOf, sdkClient, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { freePort } from '../../support/port.ts';
import { type ResendStandIn, resendStandIn } from '../../support/upstream/resend.ts';
import { eventually } from '../../support/wait.ts';

const PROGRAMS = new URL('../../../node_modules/', import.meta.url).pathname;
const RESEND_KEY = 're_MARKER_credential';

const RESEND = `version: "1"
default: deny
tools:
  list-api-keys: { risk: read }
  create-api-key: { risk: write, action: require_approval, reason: Creates a credential that outlives the session. }
  update-api-key: { action: require_approval, approval: { timeout: 1500ms } }
  remove-api-key: { action: deny, reason: Keys are removed by people. }
`;
const EVERYTHING = `version: "1"
default: allow
tools:
  get-sum: { action: require_approval }
  get-tiny-image: { action: require_approval, approval: { timeout: 1500ms } }
  trigger-long-running-operation: { action: require_approval }
  get-env: { action: deny, reason: The environment is nobody's business. }
`;
const FILES = `version: "1"
default: allow
tools:
  write_file: { action: require_approval }
  edit_file: { action: require_approval, approval: { timeout: 1500ms } }
  move_file: { action: deny, reason: Nothing is moved. }
`;

describe('real servers, the SDK’s own client, one gateway', () => {
  let resend: ResendStandIn;
  let everything: ChildProcess;
  let files: string;
  let house: House;
  let gateway: GatewayProcess;
  let clients: Record<'resend' | 'everything' | 'files', Client>;

  before(async () => {
    resend = await resendStandIn(RESEND_KEY);
    files = mkdtempSync(join(tmpdir(), 'holdfast-files-'));
    const port = await freePort();
    everything = startEverything(port);
    const stdio = (program: string, ...more: string[]) =>
      `command: ${JSON.stringify([process.execPath, PROGRAMS + program, ...more])}`;
    const env = `env: { RESEND_API_KEY: ${RESEND_KEY}, RESEND_BASE_URL: "${resend.url}" }`;
    house = await openHouse({
      servers: {
        resend: { at: `${stdio('resend-mcp/dist/index.js')}, ${env}`, policy: RESEND },
        everything: { at: `url: "http://127.0.0.1:${port}/mcp"`, policy: EVERYTHING },
        files: { at: stdio('@modelcontextprotocol/server-filesystem/dist/index.js', files), policy: FILES },
      },
    });
    gateway = await house.start();
    const connect = (name: string) =>
      eventually(`${name} answers`, () => sdkClient(`${gateway.url}/mcp/${name}`, house.tokens.agent!), 20_000);
    clients = {
      resend: await connect('resend'),
      everything: await connect('everything'),
      files: await connect('files'),
    };
  });
  after(async () => {
    for (const client of Object.values(clients ?? {})) await client.close();
    await house?.close();
    const gone = new Promise((resolve) => everything.once('exit', resolve));
    everything.kill('SIGKILL');
    await gone;
    await resend.close();
    rmSync(files, { recursive: true, force: true });
  });

  /** Makes a call that is held until `act` has acted on its approval. */
  async function held(client: Client, tool: string, args: Record<string, unknown>, act: (id: string) => Promise<void>) {
    const answer = callTool(client, tool, args);
    const { id } = await gateway.pending(tool);
    await act(id);
    return answer;
  }
  const approve = (id: string) => house.approve(id);
  const deny = (id: string) => house.deny(id, 'not like this');

  test('P9: resend-mcp lists its tools and its keys, and its credential stays behind the gateway', async () => {
    const { tools } = await clients.resend.listTools();
    assert.ok(tools.some((tool) => tool.name === 'create-api-key'));
    const answer = await callTool(clients.resend, 'list-api-keys', {});
    assert.notEqual(answer.isError, true, textOf(answer));
    assert.deepEqual(resend.requests, ['GET /api-keys']);
    assert.ok(!JSON.stringify([tools, answer]).includes(RESEND_KEY));
  });

  test('P1: resend-mcp’s real create-api-key is held: no key before the click, one key after it', async () => {
    const answer = await held(clients.resend, 'create-api-key', { name: 'ci' }, async (id) => {
      await house.card(id, /create-api-key/);
      assert.equal(resend.keys.length, 0);
      await approve(id);
    });
    assert.match(textOf(answer), /Token: re_MARKER_1/);
    assert.deepEqual(
      resend.keys.map((key) => key.name),
      ['ci'],
    );
  });

  test('P1: resend-mcp: denied by a person, denied by policy, expired: no key is touched', async () => {
    const before = resend.requests.length;
    const denied = await held(clients.resend, 'create-api-key', { name: 'no' }, deny);
    assert.match(textOf(denied), /^Denied by .*: not like this/);
    assert.match(
      textOf(await callTool(clients.resend, 'remove-api-key', { id: 'key-1' })),
      /^Policy violation: Keys are/,
    );
    const expired = await callTool(clients.resend, 'update-api-key', { id: 'key-1', name: 'x' });
    assert.match(textOf(expired), /^Approval expired: /);
    assert.equal(resend.requests.length, before);
  });

  test('P8: the key that resend-mcp made went to the agent and nowhere else', async () => {
    const api = JSON.stringify([await gateway.events(), await gateway.approvals()]);
    for (const [place, text] of Object.entries({ api, slack: house.slackTraffic(), log: gateway.log })) {
      for (const secret of ['re_MARKER_1', RESEND_KEY]) assert.ok(!text.includes(secret), `${secret} is in ${place}`);
    }
  });

  test('P9: server-everything over streamable HTTP: echo passes, images and structures untouched', async () => {
    assert.equal(textOf(await callTool(clients.everything, 'echo', { message: 'grüße' })), 'Echo: grüße');
    const structured = (await clients.everything.callTool({
      name: 'get-structured-content',
      arguments: { location: 'New York' },
    })) as { structuredContent?: object };
    assert.ok(structured.structuredContent);
  });

  test('P1: server-everything: held and approved, held and denied, held and expired, denied', async () => {
    const sum = await held(clients.everything, 'get-sum', { a: 20, b: 22 }, approve);
    assert.match(textOf(sum), /42/);
    assert.match(textOf(await held(clients.everything, 'get-sum', { a: 1, b: 1 }, deny)), /^Denied by/);
    assert.match(textOf(await callTool(clients.everything, 'get-tiny-image', {})), /^Approval expired: /);
    assert.match(textOf(await callTool(clients.everything, 'get-env', {})), /^Policy violation: The environment/);
  });

  test('P9: after the approval the server’s own progress reaches the agent that waited', async () => {
    const progress: number[] = [];
    const answer = clients.everything.callTool(
      { name: 'trigger-long-running-operation', arguments: { duration: 1, steps: 4 } },
      undefined,
      { onprogress: ({ total, progress: at }) => void (total === 4 && progress.push(at)) },
    );
    const { id } = await gateway.pending('trigger-long-running-operation');
    await house.approve(id);
    await answer;
    assert.deepEqual(progress, [1, 2, 3, 4]);
  });

  test('P1: server-filesystem: a held write_file leaves no file before the approval', async () => {
    const path = join(files, 'plan.txt');
    const answer = await held(clients.files, 'write_file', { path, content: 'approved text' }, async (id) => {
      await house.card(id);
      assert.equal(existsSync(path), false);
      await approve(id);
    });
    assert.notEqual(answer.isError, true, textOf(answer));
    assert.equal(readFileSync(path, 'utf8'), 'approved text');
    assert.equal(noteOf(answer).state, 'succeeded');
  });

  test('P1: server-filesystem: read passes; denied, expired and forbidden changes leave the files as they were', async () => {
    const path = join(files, 'kept.txt');
    writeFileSync(path, 'as it was');
    assert.match(textOf(await callTool(clients.files, 'read_text_file', { path })), /as it was/);
    const write = { path, content: 'changed' };
    assert.match(textOf(await held(clients.files, 'write_file', write, deny)), /^Denied by/);
    const edit = { path, edits: [{ oldText: 'as it was', newText: 'changed' }] };
    assert.match(textOf(await callTool(clients.files, 'edit_file', edit)), /^Approval expired: /);
    const move = { source: path, destination: join(files, 'moved.txt') };
    assert.match(textOf(await callTool(clients.files, 'move_file', move)), /^Policy violation: Nothing is moved/);
    assert.equal(readFileSync(path, 'utf8'), 'as it was');
  });
});

function startEverything(port: number): ChildProcess {
  const program = `${PROGRAMS}@modelcontextprotocol/server-everything/dist/index.js`;
  const child = spawn(process.execPath, [program, 'streamableHttp'], {
    env: { PATH: process.env.PATH, PORT: String(port) },
    stdio: 'ignore',
  });
  process.once('exit', () => child.kill('SIGKILL'));
  return child;
}
