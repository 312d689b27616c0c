import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { type JsonObject, member } from '../../../src/domain/json/json.ts';
import { ModernAgent, WITH_TASKS } from '../../support/agent/modern.ts';
import { TaskAgent } from '../../support/agent/tasks.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, query, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type TaskUpstream, taskUpstream, type UpstreamTask } from '../../support/upstream/tasks.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: allow
tools:
  must: { action: require_approval }
  may: { action: require_approval }
  asks: { action: require_approval }
`;
/** Leases are short, so that a dead gateway's tasks are soon taken over. */
const ENV = { NODE_ENV: 'test', HOLDFAST_LEASE_MS: '1500' };
const KIND = 'redis and postgres';
const RELATED = 'io.modelcontextprotocol/related-task';

describe("A server's own tasks and questions, over two gateways", { skip: skipWithoutBacking(KIND) }, () => {
  let backing: Backing;
  let databaseUrl: string;
  let upstream: TaskUpstream;
  let house: House;
  let a: GatewayProcess;
  let b: GatewayProcess;

  before(async () => {
    [backing, upstream] = await Promise.all([startBacking(KIND), taskUpstream()]);
    databaseUrl = await backing.database();
    house = await openHouse({
      servers: {
        tools: { at: `url: "${upstream.url}"`, policy: POLICY },
        // The same place under another name.
        open: { at: `url: "${upstream.url}"`, policy: 'version: "1"\ndefault: allow\n' },
      },
      databaseUrl,
      redisUrl: backing.redis!.url,
      env: ENV,
    });
    [a, b] = await Promise.all([house.start(), house.start()]);
  });
  after(async () => {
    await house?.close();
    await upstream.close();
    await backing.stop();
  });

  const urlOf = (gateway: GatewayProcess): string => `${gateway.url}/mcp/tools`;
  const open = (gateway: GatewayProcess): Promise<TaskAgent> => TaskAgent.open(urlOf(gateway), house.tokens.agent!);
  const theirs = (name: string): Promise<UpstreamTask> =>
    eventually('the server has a task', async () => upstream.task(name));
  const reaches = (agent: TaskAgent, taskId: string, status: string): Promise<JsonObject> =>
    eventually(`the task is ${status}`, async () => {
      const task = await agent.get(taskId);
      return task.status === status ? task : null;
    });

  async function approve(tool: string, name: string): Promise<string> {
    const { id } = await b.pending(tool, { name });
    const body = JSON.stringify({ decision: 'approve' });
    const headers = { 'content-type': 'application/json' };
    const answer = await b.api(`/api/approvals/${id}/decisions`, { method: 'POST', body, headers });
    assert.equal(answer.status, 200, await answer.text());
    return id;
  }

  /** Makes a call as a task and has it approved; returns once it runs as a task of the server's. */
  async function running(agent: TaskAgent, name: string, tool = 'must') {
    const taskId = await agent.task(tool, { name });
    const id = await approve(tool, name);
    const own = await theirs(name);
    await eventually('the approval awaits it', async () => {
      const [row] = await query(databaseUrl, `select state, awaits from holdfast.approvals where id = '${id}'`);
      return row!.state === 'dispatched' && row!.awaits === 'task' ? row! : null;
    });
    return { taskId, id, own };
  }

  test('P9: a tool that insists on tasks is called as one, and only its real end is the end', async () => {
    const client = new Client({ name: 'tasker', version: '1' });
    const requestInit = { headers: { authorization: `Bearer ${house.tokens.agent}` } };
    await client.connect(new StreamableHTTPClientTransport(new URL(urlOf(a)), { requestInit }) as never);
    await client.listTools();
    const params = { name: 'must', arguments: { name: 'real' } };
    const stream = client.experimental.tasks.callToolStream(params, CallToolResultSchema, { task: { ttl: 60_000 } });
    let end = '';
    const read = (async () => {
      for await (const message of stream) if (message.type === 'result') end = JSON.stringify(message.result);
    })();
    const id = await approve('must', 'real');
    const own = await theirs('real');
    await house.card(id, /runs it as a task of its own/);
    assert.equal((await a.approval(id)).state, 'dispatched');
    upstream.end(own, 'really done');
    await read;
    assert.match(end, /really done/);
    assert.match(end, /"taskId":"hft_/, 'under our name');
    assert.equal((await b.approval(id)).state, 'succeeded');
    await house.card(id, /went through/);
    assert.equal(upstream.count('must', 'real'), 1);
    const types = (await b.events(id)).map(({ type }) => type);
    const since = types.filter((type) => type.startsWith('call.'));
    assert.deepEqual(since, ['call.dispatched', 'call.deferred', 'call.succeeded']);
    await client.close();
  });

  test('P1: called without a task it is refused as its server would, and nobody is asked', async () => {
    const agent = await open(a);
    const answer = await agent.ask('tools/call', { name: 'must', arguments: { name: 'plain' } });
    assert.equal(member(answer.error ?? null, 'code'), -32601);
    assert.equal(upstream.count('must', 'plain'), 0);
    assert.ok((await a.approvals()).every((one) => one.arguments.name !== 'plain'));
  });

  test("P4: the agent goes, the gateway that follows is killed, then all are: the task's end is recorded all the same", async () => {
    const agent = await open(a);
    const one = await running(agent, 'followed');
    const two = await running(agent, 'also followed');
    const [row] = await query(databaseUrl, `select holder from holdfast.pursuits where approval_id = '${one.id}'`);
    const byA = String(row!.holder).includes(`-${a.pid}-`);
    const left = byA ? b : a;
    await (byA ? a : b).kill();
    upstream.end(one.own, 'in the end');
    await left.reaches(one.id, 'succeeded');
    await left.kill();
    upstream.end(two.own, 'it broke', 'failed');
    [a, b] = await Promise.all([house.start(), house.start()]);
    await b.reaches(two.id, 'failed');
    agent.url = urlOf(b);
    const task = await reaches(agent, one.taskId, 'completed');
    assert.equal(task.taskId, one.taskId);
    assert.match(JSON.stringify(await agent.ask('tasks/result', { taskId: one.taskId })), /in the end/);
    await reaches(agent, two.taskId, 'failed');
    assert.equal(upstream.count('must', 'followed'), 1);
    for (const { id } of [one, two]) {
      const types = (await b.events(id)).map(({ type }) => type);
      assert.equal(types.includes('call.unknown'), false, 'nobody was told that it is unknown meanwhile');
    }
  });

  test("P2: an identical call while the server's task runs joins it, and both have the one result", async () => {
    const agent = await open(a);
    const { taskId, id, own } = await running(agent, 'twice', 'may');
    const other = await open(b);
    const second = other.ask('tools/call', { name: 'may', arguments: { name: 'twice' } });
    await eventually('it has joined', async () => ((await b.approval(id)).callers === 2 ? true : null));
    upstream.end(own, 'once');
    assert.match(JSON.stringify(await second), /once/);
    await reaches(agent, taskId, 'completed');
    assert.equal(upstream.count('may', 'twice'), 1);
  });

  test('cancelled by its agent, or by the server: the server hears it, and the approval says so', async () => {
    const agent = await open(a);
    const mine = await running(agent, 'cancelled here');
    agent.url = urlOf(b);
    const answer = await agent.ask('tasks/cancel', { taskId: mine.taskId });
    assert.deepEqual([answer.taskId, answer.status], [mine.taskId, 'cancelled']);
    assert.equal(mine.own.status, 'cancelled');
    assert.equal((await agent.get(mine.taskId)).status, 'cancelled');
    assert.match((await a.reaches(mine.id, 'failed')).note ?? '', /the server cancelled it/);
    const there = await running(agent, 'cancelled there');
    there.own.status = 'cancelled';
    await a.reaches(there.id, 'failed');
    assert.equal((await agent.get(there.taskId)).status, 'cancelled');
  });

  test('P10: a server that will not say how a task ended has not failed it, and its refusal is read by nobody', async () => {
    const agent = await open(a);
    const { taskId, id, own } = await running(agent, 'guarded');
    const leak = 'a token that a server should not tell';
    upstream.refuse('tasks/get', 502, { code: leak, message: leak });
    await eventually('it was refused', async () => (upstream.refusals() === 0 ? true : null));
    upstream.refuse('tasks/result', 429, 403, { code: -32603, message: leak });
    upstream.end(own, 'behind a limit');
    assert.equal((await b.reaches(id, 'succeeded')).note, null);
    assert.equal(upstream.refusals(), 0);
    await reaches(agent, taskId, 'completed');
    assert.match(JSON.stringify(await agent.ask('tasks/result', { taskId })), /behind a limit/);
    assert.equal(JSON.stringify([await b.events(id), house.slackTraffic(), a.log, b.log]).includes(leak), false);
  });

  test('P2: what the server no longer knows is unknown, and is said so to everybody', async () => {
    const agent = await open(a);
    const { taskId, id } = await running(agent, 'forgotten');
    upstream.forget();
    const { note } = await b.reaches(id, 'unknown');
    assert.match(note ?? '', /no longer knows/);
    const task = await eventually('the task is over', async () => {
      // The agent's session is gone with the server's; its task is not.
      const found = await query(databaseUrl, `select phase, note from holdfast.tasks where id = '${taskId}'`);
      return found[0]!.phase === 'done' ? found[0]! : null;
    });
    assert.match(String(task.note), /^Outcome unknown/);
    await house.card(id, /Outcome unknown/);
  });

  test('P1: a task that the server made of an approved call is reached by our id only, at any gateway, under any name', async () => {
    const agent = await open(a);
    const { taskId, own, id } = await running(agent, 'by its own name');
    const elsewhere = await TaskAgent.open(`${a.url}/mcp/open`, house.tokens.agent!);
    for (const [asker, url] of [
      [agent, urlOf(a)],
      [agent, urlOf(b)],
      [elsewhere, elsewhere.url],
    ] as const) {
      asker.url = url;
      for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel']) {
        const { error } = await asker.ask(method, { taskId: own.id });
        assert.match(String(member(error ?? null, 'message')), /belongs to a call that needed approval/, method);
      }
      const list = JSON.stringify(await asker.ask('tasks/list', {}));
      assert.ok(list.includes(taskId) === (asker === agent) && !list.includes(own.id), list);
    }
    upstream.end(own, 'done');
    await b.reaches(id, 'succeeded');
  });

  test("what the server's task asks comes by our tasks/result at any gateway, and the answer goes back by any", async () => {
    const agent = await open(a);
    const { taskId, own } = await running(agent, 'asking task');
    agent.url = urlOf(b);
    const answered = upstream.ask(own);
    await reaches(agent, taskId, 'input_required');
    let end: JsonObject = {};
    for await (const message of agent.messages('tasks/result', { taskId })) {
      if (message.method === undefined) end = message.result as JsonObject;
      if (message.method !== 'elicitation/create') continue;
      const meta = member(member(message, 'params'), '_meta');
      assert.deepEqual(member(meta, RELATED), { taskId }, 'it is about the task that the agent knows');
      agent.url = urlOf(a);
      assert.equal(await agent.answer(message, { sure: true }), 202);
      const answer = await answered;
      assert.deepEqual(member(answer.result ?? null, 'content'), { sure: true });
      assert.equal(member(member(member(answer.result ?? null, '_meta'), RELATED), 'taskId'), own.id);
      upstream.end(own, 'sure');
    }
    assert.match(JSON.stringify(end), /sure/);
  });

  test('what a plain call asks inside our task is kept, said and handed over by the other gateway', async () => {
    const agent = await open(a);
    const taskId = await agent.task('asks', { name: 'asking call' });
    await approve('asks', 'asking call');
    await eventually('it runs', async () => (upstream.waits('asking call') ? true : null));
    const answered = upstream.ask('asking call');
    agent.url = urlOf(b);
    await reaches(agent, taskId, 'input_required');
    agent.url = urlOf(a);
    await reaches(agent, taskId, 'input_required');
    const [row] = await query(databaseUrl, `select kept from holdfast.questions where task_id = '${taskId}'`);
    assert.equal((row!.kept as Buffer).includes('Sure?'), false, 'sealed');
    // A stream that breaks before the agent answers loses nothing: the next request gets the question again.
    const first = await questionAt(agent, b, taskId);
    const second = await questionAt(agent, a, taskId);
    assert.deepEqual(first, second);
    agent.url = urlOf(b);
    assert.equal(await agent.answer(second, { sure: false }), 202);
    assert.deepEqual(member((await answered).result ?? null, 'content'), { sure: false });
    await reaches(agent, taskId, 'working');
    upstream.answer('asking call', 'answered');
    assert.match(JSON.stringify(await agent.ask('tasks/result', { taskId })), /answered/);
    assert.equal(upstream.count('asks', 'asking call'), 1);
  });

  test('P2: the gateway that sent it dies with the question open: unknown, and asked no more', async () => {
    const agent = await open(b);
    const taskId = await agent.task('asks', { name: 'orphan' });
    const id = await approve('asks', 'orphan');
    await eventually('it runs', async () => (upstream.waits('orphan') ? true : null));
    void upstream.ask('orphan');
    await reaches(agent, taskId, 'input_required');
    const [row] = await query(databaseUrl, `select dispatcher from holdfast.approvals where id = '${id}'`);
    // Either gateway may have sent the call: a task belongs to none of them.
    const byA = String(row!.dispatcher).includes(`-${a.pid}-`);
    await (byA ? a : b).kill();
    const left = byA ? b : a;
    await left.reaches(id, 'unknown');
    agent.url = urlOf(left);
    const task = await reaches(agent, taskId, 'failed');
    assert.match(String(task.statusMessage), /^Outcome unknown/);
    if (byA) a = await house.start();
    else b = await house.start();
  });

  test("2026-07-28: the server's task is followed to its end, whether or not the agent asks after ours", async () => {
    const agent = new ModernAgent(urlOf(a), house.tokens.agent!, WITH_TASKS);
    const created = await agent.call('must', { name: 'modern' });
    const taskId = String(created.result?.taskId);
    const id = await approve('must', 'modern');
    const own = await theirs('modern');
    const shown = await eventually('ours is theirs', async () => {
      const { result } = await agent.send('tasks/get', { taskId });
      return result?.pollIntervalMs === 300 ? result : null;
    });
    assert.deepEqual([shown.taskId, shown.status], [taskId, 'working']);
    assert.equal((await b.approval(id)).state, 'dispatched');
    upstream.end(own, 'modern end');
    await b.reaches(id, 'succeeded');
    agent.url = urlOf(b);
    const { result } = await agent.send('tasks/get', { taskId });
    assert.deepEqual([result?.taskId, result?.status], [taskId, 'completed']);
    assert.match(JSON.stringify(result?.result), /modern end/);
    assert.equal(upstream.count('must', 'modern'), 1);
  });

  /** The question that `tasks/result` delivers at this gateway; then the stream is broken off. */
  async function questionAt(agent: TaskAgent, gateway: GatewayProcess, taskId: string): Promise<JsonObject> {
    agent.url = urlOf(gateway);
    const abort = new AbortController();
    for await (const message of agent.messages('tasks/result', { taskId }, abort.signal)) {
      if (message.method === 'elicitation/create') return message;
    }
    throw new Error('no question');
  }
});
