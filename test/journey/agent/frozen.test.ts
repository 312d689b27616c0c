import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { member } from '../../../src/domain/json/json.ts';
import { Agent, sdkClient, textOf } from '../../support/agent/agent.ts';
import { ModernAgent, type ModernAnswer, WITH_TASKS } from '../../support/agent/modern.ts';
import { TaskAgent } from '../../support/agent/tasks.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type ErasUpstream, erasUpstream, saying } from '../../support/upstream/eras.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: allow
tools:
  create_key: { action: require_approval }
`;
const RAW_CHILD = new URL('../../support/stdio/raw-child.ts', import.meta.url).pathname;
const JSON_BODY = { 'content-type': 'application/json' };

describe('P1: while it is frozen, in every era, over every transport', () => {
  let upstream: ErasUpstream;
  let house: House;
  let gateway: GatewayProcess;

  before(async () => {
    upstream = await erasUpstream();
    house = await openHouse({
      servers: {
        tools: { at: `url: "${upstream.url}"`, policy: POLICY },
        child: { at: `command: ["${process.execPath}", "${RAW_CHILD}"]`, policy: POLICY },
      },
      approval: '{ timeout: 10m, hold: { default: 500ms, leg: 400ms, progress: 60s } }',
      slack: false,
    });
    gateway = await house.start();
  });
  after(async () => {
    await house?.close();
    await upstream.close();
  });
  beforeEach(() => {
    upstream.behave = () => saying('done');
  });

  const post = (path: string, body: object, method = 'POST') =>
    gateway.api(path, { method, headers: JSON_BODY, body: JSON.stringify(body) });
  const freeze = async (): Promise<() => Promise<void>> => {
    const set = await post('/api/freeze', { scope: 'all', reason: 'cold' });
    assert.equal(set.status, 201);
    const { id } = (await set.json()) as { id: string };
    return async () => void (await post(`/api/freeze/${id}`, { reason: 'warm' }, 'DELETE'));
  };
  const approve = async (id: string) =>
    assert.equal((await post(`/api/approvals/${id}/decisions`, { decision: 'approve' })).status, 200);
  const url = (server = 'tools') => `${gateway.url}/mcp/${server}`;
  const modern = (capabilities = {}) => new ModernAgent(url(), house.tokens.agent!, capabilities);
  const said = (answer: ModernAnswer) =>
    String(member(member(member(answer.result!, 'content')!, '0')!, 'text') ?? JSON.stringify(answer));
  const text = (answer: ModernAnswer) => JSON.stringify(answer.result ?? answer.error);

  test('a stateless client (2026-07-28) is refused, discovers and lists', async () => {
    const agent = modern();
    const thaw = await freeze();
    for (const tool of ['read', 'create_key']) {
      const answer = await agent.call(tool, { n: 1 });
      assert.equal(answer.status, 200);
      assert.deepEqual([answer.result?.resultType, answer.result?.isError], ['complete', true]);
      assert.match(text(answer), /"text":"Frozen: everything is frozen by admin since .*: cold\./, said(answer));
      assert.equal(answer.result?.structuredContent, undefined);
    }
    assert.match(text(await agent.send('resources/read', { uri: 'file:///x' })), /"code":423,"message":"Frozen: /);
    assert.ok((await agent.send('server/discover', {})).result);
    assert.ok((await agent.send('tools/list', {})).result);
    assert.equal(upstream.calls.length, 0);
    await thaw();
    assert.match(text(await agent.call('read', { n: 1 })), /done/);
  });

  test('P2: its parked call comes back by itself, is told in the end, and runs once after the thaw', async () => {
    const agent = modern();
    const first = await agent.call('create_key', { name: 'mrtr' });
    assert.equal(first.result?.resultType, 'input_required');
    const { id } = await gateway.pending('create_key', { name: 'mrtr' });
    const thaw = await freeze();
    await approve(id);
    let answer = first;
    for (let attempt = 0; answer.result?.resultType === 'input_required' && attempt < 15; attempt += 1) {
      answer = await agent.call('create_key', { name: 'mrtr' }, { requestState: String(answer.result.requestState) });
    }
    assert.match(text(answer), /"text":"Frozen: everything is frozen by admin(.|\n)*The approval is kept/);
    assert.equal(upstream.count('create_key', { name: 'mrtr' }), 0);
    await thaw();
    assert.match(text(await agent.call('create_key', { name: 'mrtr' })), /done/);
    assert.equal(upstream.count('create_key', { name: 'mrtr' }), 1);
  });

  test('P2: tasks of both eras wait frozen, can be asked about, and run once after the thaw', async () => {
    const now = modern(WITH_TASKS);
    const before = await TaskAgent.open(url(), house.tokens.agent!);
    const made = await now.call('create_key', { name: 'modern task' });
    const modernTask = String(made.result?.taskId);
    const legacyTask = await before.task('create_key', { name: 'legacy task' });
    const thaw = await freeze();
    for (const name of ['modern task', 'legacy task'])
      await approve((await gateway.pending('create_key', { name })).id);
    assert.equal((await now.send('tasks/get', { taskId: modernTask })).result?.status, 'working');
    assert.equal(member(await before.get(legacyTask), 'status'), 'working');
    const refused = await before.ask('tools/call', {
      name: 'create_key',
      arguments: { name: 'new' },
      task: { ttl: 1_000 },
    });
    assert.match(JSON.stringify(refused), /"code":423,"message":"Frozen: /);
    assert.match(text(await now.send('tasks/update', { taskId: modernTask, inputResponses: {} })), /"code":423/);
    assert.equal(
      upstream.count('create_key', { name: 'modern task' }) + upstream.count('create_key', { name: 'legacy task' }),
      0,
    );
    await thaw();
    await eventually('both ran', () => {
      const counts = ['modern task', 'legacy task'].map((name) => upstream.count('create_key', { name }));
      return counts.every((count) => count === 1) ? true : null;
    });
    await eventually('its end is told', async () =>
      (await now.send('tasks/get', { taskId: modernTask })).result?.status === 'completed' ? true : null,
    );
  });

  test('an answer to what the server asked does not go on, and the question stands', async () => {
    const agent = modern();
    upstream.behave = (call) =>
      call.params.requestState === undefined
        ? { resultType: 'input_required', requestState: 'theirs', inputRequests: {} }
        : saying('went on');
    const asking = agent.call('create_key', { name: 'asks' });
    const { id } = await gateway.pending('create_key', { name: 'asks' });
    await approve(id);
    assert.equal((await asking).result?.requestState, 'theirs');
    const thaw = await freeze();
    const answer = () => agent.call('create_key', { name: 'asks' }, { requestState: 'theirs', inputResponses: {} });
    const frozen = await answer();
    assert.match(text(frozen), /"text":"Frozen: (.|\n)*the question stands/);
    assert.equal(upstream.count('create_key', { name: 'asks' }), 1);
    await thaw();
    assert.match(text(await answer()), /went on/);
    assert.equal(upstream.count('create_key', { name: 'asks' }), 2);
  });

  test('a stdio server hears nothing that acts, and its sessions live on', async () => {
    const agent = await Agent.open(url('child'), house.tokens.agent!);
    const ask = async (method: string, params: object = {}) => {
      const response = await agent.post({ jsonrpc: '2.0', id: 5, method, params });
      return response.text();
    };
    const before = await ask('heard');
    const thaw = await freeze();
    assert.match(textOf(await agent.call('anything', {}).answer), /^Frozen: /);
    assert.match(await ask('heard'), /"code":423/, 'an unknown method');
    assert.match(await ask('resources/read', { uri: 'x' }), /"code":423/);
    assert.doesNotMatch(await ask('ping'), /Frozen/);
    assert.match(
      textOf(await (await Agent.open(url('child'), house.tokens.agent!)).call('anything', {}).answer),
      /^Frozen: /,
    );
    await thaw();
    const heard = JSON.parse(/\{.*\}/s.exec(await ask('heard'))![0]) as { result: { heard: string[] } };
    const lines = heard.result.heard.map((line) => Buffer.from(line, 'base64').toString()).join('\n');
    assert.match(before, /heard/);
    assert.doesNotMatch(lines, /anything|resources\/read/);
    assert.match(lines, /"ping"/);
  });

  test('P9: the official client keeps its session over a freeze', async () => {
    const client = await sdkClient(url(), house.tokens.agent!);
    const thaw = await freeze();
    const refused = await client.callTool({ name: 'read', arguments: {} });
    assert.match(JSON.stringify(refused), /Frozen: everything/);
    assert.equal((await client.listTools()).tools.length, 2);
    await client.ping();
    await assert.rejects(client.readResource({ uri: 'file:///x' }), /Frozen/);
    const other = await sdkClient(url(), house.tokens.agent!);
    await other.close();
    await thaw();
    assert.match(JSON.stringify(await client.callTool({ name: 'read', arguments: {} })), /done/);
    await client.close();
  });
});
