import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import type { JsonObject } from '../../../src/domain/json/json.ts';
import { ModernAgent, type ModernAnswer, WITH_TASKS } from '../../support/agent/modern.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type ErasUpstream, erasUpstream, saying } from '../../support/upstream/eras.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: allow
tools:
  create_key: { action: require_approval }
`;

let upstream: ErasUpstream;
let house: House;
let gateway: GatewayProcess;

async function decide(id: string, decision: 'approve' | 'deny'): Promise<void> {
  const body = JSON.stringify({ decision, reason: 'because' });
  const headers = { 'content-type': 'application/json' };
  const answer = await gateway.api(`/api/approvals/${id}/decisions`, { method: 'POST', body, headers });
  assert.equal(answer.status, 200, await answer.text());
}
const url = (): string => `${gateway.url}/mcp/tools`;

before(async () => {
  upstream = await erasUpstream();
  house = await openHouse({
    servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
    grants: ['other'],
    slack: false,
  });
  gateway = await house.start();
});
after(async () => {
  await house.close();
  await upstream.close();
});
beforeEach(() => {
  upstream.behave = () => saying('done');
});

/** Kills the gateway and starts it again on the same port, where clients find it. */
async function restart(): Promise<void> {
  const { host } = new URL(gateway.url);
  await gateway.kill();
  gateway = await house.start({ env: { HOLDFAST_LISTEN: host } });
}

describe('Tasks of 2026-07-28', () => {
  let agent: ModernAgent;
  before(() => {
    agent = new ModernAgent(url(), house.tokens.agent!, WITH_TASKS);
  });
  const taskOf = (answer: ModernAnswer): string => {
    assert.equal(answer.result?.resultType, 'task', JSON.stringify(answer));
    return String(answer.result?.taskId);
  };
  const get = async (taskId: string): Promise<JsonObject> => {
    const answer = await agent.send('tasks/get', { taskId });
    assert.ok(answer.result, JSON.stringify(answer));
    return answer.result;
  };
  const reaches = (taskId: string, status: string): Promise<JsonObject> =>
    eventually(`the task is ${status}`, async () => {
      const task = await get(taskId);
      return task.status === status ? task : null;
    });

  test('are told at once, sent by the gateway when approved, and hold the result for as long as they say', async () => {
    const created = await agent.call('create_key', { name: 't1' });
    const taskId = taskOf(created);
    assert.equal(created.result?.status, 'working');
    assert.match(String(created.result?.statusMessage), /waiting for security, 0 of 1/);
    assert.ok(Number(created.result?.ttlMs) >= 70 * 60_000 - 1_000);
    assert.equal((await get(taskId)).status, 'working');
    await decide((await gateway.pending('create_key', { name: 't1' })).id, 'approve');
    const task = await reaches(taskId, 'completed');
    const result = task.result as JsonObject;
    assert.deepEqual(result.content, [{ type: 'text', text: 'done' }]);
    assert.equal(result.resultType, 'complete');
    assert.deepEqual((await get(taskId)).result, result, 'it may be asked for again');
    assert.equal(upstream.count('create_key', { name: 't1' }), 1);
  });

  test('a denial is completed with isError; a JSON-RPC error is failed', async () => {
    const taskId = taskOf(await agent.call('create_key', { name: 't2' }));
    await decide((await gateway.pending('create_key', { name: 't2' })).id, 'deny');
    const denied = await reaches(taskId, 'completed');
    assert.equal((denied.result as JsonObject).isError, true);
    assert.match(JSON.stringify(denied.result), /Denied by admin: because/);
    assert.equal(upstream.count('create_key', { name: 't2' }), 0);

    upstream.behave = () => ({ error: { code: -32603, message: 'broken' } });
    const second = taskOf(await agent.call('create_key', { name: 't3' }));
    await decide((await gateway.pending('create_key', { name: 't3' })).id, 'approve');
    const failed = await reaches(second, 'failed');
    assert.deepEqual(failed.error, { code: -32603, message: 'broken' });
    assert.equal(failed.result, undefined);
  });

  test('P4: killed before the decision and again before it is collected: one call, the right answer', async () => {
    const taskId = taskOf(await agent.call('create_key', { name: 't4' }));
    const { id } = await gateway.pending('create_key', { name: 't4' });
    await restart();
    await decide(id, 'approve');
    await gateway.reaches(id, 'succeeded');
    await reaches(taskId, 'completed');
    await restart();
    assert.equal((await get(taskId)).status, 'completed');
    assert.equal(upstream.count('create_key', { name: 't4' }), 1);
  });

  test('are bound to their grant; unknown ones and agents without the extension are refused', async () => {
    const taskId = taskOf(await agent.call('create_key', { name: 't5' }));
    const other = new ModernAgent(url(), house.tokens.other!, WITH_TASKS);
    assert.equal((await other.send('tasks/get', { taskId })).error?.code, -32602);
    assert.equal((await other.send('tasks/cancel', { taskId })).error?.code, -32602);
    const without = await new ModernAgent(url(), house.tokens.agent!).send('tasks/get', { taskId });
    assert.deepEqual([without.status, without.error?.code], [400, -32021]);
    const headless = await agent.send('tasks/get', { taskId }, { headers: { 'mcp-name': 'other' } });
    assert.deepEqual([headless.status, headless.error?.code], [400, -32020]);
    assert.equal((await get(taskId)).status, 'working');
  });

  test('P2: an agent that lost its task is given the same one for the same call, until it has had the answer', async () => {
    const taskId = taskOf(await agent.call('create_key', { name: 'lost' }));
    const { id } = await gateway.pending('create_key', { name: 'lost' });
    await decide(id, 'approve');
    await gateway.reaches(id, 'succeeded');
    const again = await eventually('the very task', async () => {
      const answer = await agent.call('create_key', { name: 'lost' });
      return taskOf(answer) === taskId ? answer : null;
    });
    assert.equal(again.result?.status, 'completed');
    await reaches(taskId, 'completed');
    assert.notEqual(taskOf(await agent.call('create_key', { name: 'lost' })), taskId, 'now it is a new call');
    assert.equal(upstream.count('create_key', { name: 'lost' }), 1);
  });

  test('cancelling withdraws what waits, and cancelling again is no error', async () => {
    const taskId = taskOf(await agent.call('create_key', { name: 't6' }));
    const { id } = await gateway.pending('create_key', { name: 't6' });
    assert.deepEqual((await agent.send('tasks/cancel', { taskId })).result, { resultType: 'complete' });
    await gateway.reaches(id, 'withdrawn');
    assert.equal((await get(taskId)).status, 'cancelled');
    assert.deepEqual((await agent.send('tasks/cancel', { taskId })).result, { resultType: 'complete' });
  });

  test('a server that asks back is mapped: input_required, answers in parts, one more leg', async () => {
    const asked = { a: { method: 'roots/list', params: { n: 1 } }, b: { method: 'roots/list' } };
    upstream.behave = ({ params }) =>
      params.inputResponses === undefined
        ? { resultType: 'input_required', requestState: 'theirs', inputRequests: asked }
        : saying(JSON.stringify([params.requestState ?? null, params.inputResponses]));
    const taskId = taskOf(await agent.call('create_key', { name: 't7' }));
    await decide((await gateway.pending('create_key', { name: 't7' })).id, 'approve');
    const asking = await reaches(taskId, 'input_required');
    assert.deepEqual(asking.inputRequests, asked);
    assert.equal('requestState' in asking, false);
    const update = (inputResponses: JsonObject) => agent.send('tasks/update', { taskId, inputResponses });
    assert.deepEqual((await update({ a: { roots: [] }, zzz: { no: 1 } })).result, { resultType: 'complete' });
    assert.deepEqual(Object.keys((await get(taskId)).inputRequests as JsonObject), ['b']);
    await update({ b: { roots: [1] } });
    const done = await reaches(taskId, 'completed');
    const given = JSON.stringify(['theirs', { a: { roots: [] }, b: { roots: [1] } }]);
    assert.deepEqual((done.result as JsonObject).content, [{ type: 'text', text: given }]);
    assert.equal(upstream.count('create_key', { name: 't7' }), 2);
    assert.equal(
      (await gateway.approvals('pending')).some((one) => one.arguments.name === 't7'),
      false,
    );
  });

  test('answers to one question are together at most 4 Mi characters, however many messages bring them', async () => {
    const asked = { a: { method: 'roots/list' }, b: { method: 'roots/list' } };
    upstream.behave = ({ params }) =>
      params.inputResponses === undefined ? { resultType: 'input_required', inputRequests: asked } : saying('done');
    const taskId = taskOf(await agent.call('create_key', { name: 'long-answers' }));
    await decide((await gateway.pending('create_key', { name: 'long-answers' })).id, 'approve');
    await reaches(taskId, 'input_required');
    const half = { roots: [], pad: 'x'.repeat(2.2 * 1_024 * 1_024) };
    const update = (inputResponses: JsonObject) => agent.send('tasks/update', { taskId, inputResponses });
    assert.deepEqual((await update({ a: half })).result, { resultType: 'complete' });
    const refused = await update({ b: half });
    assert.equal(refused.error?.code, 413, JSON.stringify(refused).slice(0, 300));
    assert.match(String(refused.error?.message), /at most 4194304 characters; shorten them/);
    assert.equal(upstream.count('create_key', { name: 'long-answers' }), 1, 'nothing of it was sent');
    assert.deepEqual((await update({ b: { roots: [] } })).result, { resultType: 'complete' });
    await reaches(taskId, 'completed');
    assert.equal(upstream.count('create_key', { name: 'long-answers' }), 2);
  });

  test('changes are pushed to whoever listens, from the acknowledgement to the result', async () => {
    const taskId = taskOf(await agent.call('create_key', { name: 't8' }));
    const { id } = await gateway.pending('create_key', { name: 't8' });
    const response = await agent.open('subscriptions/listen', { notifications: { taskIds: [taskId] } });
    const pushed: JsonObject[] = [];
    let waiting = '';
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (waiting + text).split('\n');
      waiting = lines.pop()!;
      for (const line of lines) if (line.startsWith('data: ')) pushed.push(JSON.parse(line.slice(6)) as JsonObject);
      if (pushed.length === 2) await decide(id, 'approve');
      if (pushed.some(({ params }) => (params as JsonObject).status === 'completed')) break;
    }
    assert.deepEqual(
      pushed.slice(0, 2).map((one) => one.method),
      ['notifications/subscriptions/acknowledged', 'notifications/tasks'],
    );
    const tags = pushed.map(
      ({ params }) => ((params as JsonObject)._meta as JsonObject)['io.modelcontextprotocol/subscriptionId'],
    );
    assert.ok(
      tags.every((tag) => tag !== undefined && tag === tags[0]),
      JSON.stringify(tags),
    );
    assert.match(JSON.stringify(pushed.at(-1)), /"result":/);
  });

  test('the extension is advertised where policy may ask', async () => {
    const found = await agent.send('server/discover', {});
    assert.match(JSON.stringify(found.result?.capabilities), /"extensions":\{"io.modelcontextprotocol\/tasks":\{\}\}/);
  });
});

describe("Tasks of 2025-11-25, with the official SDK's client", () => {
  let client: Client;
  before(async () => {
    client = await connect();
  });
  after(() => client.close());

  async function connect(): Promise<Client> {
    const made = new Client({ name: 'tasker', version: '1' });
    const requestInit = { headers: { authorization: `Bearer ${house.tokens.agent}` } };
    await made.connect(new StreamableHTTPClientTransport(new URL(url()), { requestInit }) as never);
    return made;
  }
  /** Makes a call as a task; returns its statuses and its end. */
  async function run(name: string, onTask: () => Promise<void>): Promise<{ statuses: string[]; end: string }> {
    const statuses: string[] = [];
    const stream = client.experimental.tasks.callToolStream(
      { name: 'create_key', arguments: { name } },
      CallToolResultSchema,
      { task: { ttl: 60_000 } },
    );
    for await (const message of stream) {
      if (message.type === 'taskCreated') {
        statuses.push(message.task.status);
        await onTask();
      } else if (message.type === 'taskStatus')
        statuses.push(`${message.task.status} ${message.task.statusMessage ?? ''}`);
      else if (message.type === 'result') return { statuses, end: JSON.stringify(message.result) };
      else return { statuses, end: `error ${message.error.message}` };
    }
    return { statuses, end: 'nothing' };
  }

  test('gated tools take tasks, and the server says that it has them', async () => {
    const { tools } = await client.listTools();
    assert.deepEqual(
      tools.map((tool) => [tool.name, tool.execution?.taskSupport]),
      [
        ['create_key', 'optional'],
        ['read', undefined],
      ],
    );
    assert.ok(client.getServerCapabilities()?.tasks?.requests?.tools?.call);
  });

  test('approved: the result comes with the task it belongs to, and the server never heard of the task', async () => {
    const { end } = await run('l1', async () =>
      decide((await gateway.pending('create_key', { name: 'l1' })).id, 'approve'),
    );
    assert.match(end, /"text":"done"/);
    assert.match(end, /related-task/);
    assert.equal(upstream.count('create_key', { name: 'l1' }), 1);
    assert.equal(upstream.calls.at(-1)?.params.task, undefined);
  });

  test('denied: the task is failed, and its status says who and why', async () => {
    const { statuses } = await run('l2', async () =>
      decide((await gateway.pending('create_key', { name: 'l2' })).id, 'deny'),
    );
    assert.match(statuses.at(-1) ?? '', /^failed Denied by admin: because/);
    assert.equal(upstream.count('create_key', { name: 'l2' }), 0);
  });

  test('P4: over a restart, and a session that the server forgot: one call', async () => {
    const { end } = await run('l3', async () => {
      const { id } = await gateway.pending('create_key', { name: 'l3' });
      await restart();
      upstream.forgetSessions();
      await decide(id, 'approve');
      await gateway.reaches(id, 'succeeded');
    }).catch((error: Error) => ({ end: error.message }));
    // The client's own session is gone with the server's; the task is not.
    assert.equal(upstream.count('create_key', { name: 'l3' }), 1, end);
    await client.close().catch(() => undefined);
    client = await connect();
    const { tasks } = await client.experimental.tasks.listTasks();
    const newest = tasks[0]!;
    assert.equal(newest.status, 'completed');
    const result = await client.experimental.tasks.getTaskResult(newest.taskId, CallToolResultSchema);
    assert.deepEqual(result.content, [{ type: 'text', text: 'done' }]);
  });

  test('a call that policy denies is told as an error, in words, and makes no task', async () => {
    house.writePolicy('tools', `${POLICY}  read: { action: deny, reason: not for agents }\n`);
    await eventually('the policy is loaded', async () => {
      const stream = client.experimental.tasks.callToolStream({ name: 'read' }, CallToolResultSchema, { task: {} });
      for await (const message of stream) {
        if (message.type === 'error' && /Policy violation: not for agents/.test(message.error.message)) return true;
      }
      return null;
    });
  });

  test('cancelled: what waits is withdrawn', async () => {
    const stream = client.experimental.tasks.callToolStream(
      { name: 'create_key', arguments: { name: 'l4' } },
      CallToolResultSchema,
      { task: {} },
    );
    for await (const message of stream) {
      if (message.type !== 'taskCreated') continue;
      const { id } = await gateway.pending('create_key', { name: 'l4' });
      await client.experimental.tasks.cancelTask(message.task.taskId);
      await gateway.reaches(id, 'withdrawn');
      break;
    }
    assert.equal(upstream.count('create_key', { name: 'l4' }), 0);
  });
});
