import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { JsonObject } from '../../../src/domain/json/json.ts';
import { ModernAgent, type ModernAnswer, WITH_TASKS } from '../../support/agent/modern.ts';
import { TaskAgent } from '../../support/agent/tasks.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type TaskUpstream, taskUpstream, type UpstreamTask } from '../../support/upstream/tasks.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: allow
tools:
  may: { action: require_approval, severity: critical }
  must: { action: require_approval, severity: critical, approval: { answers: allow } }
  asks: { action: require_approval, severity: critical }
`;

let upstream: TaskUpstream;
let house: House;
let gateway: GatewayProcess;
let agent: ModernAgent;

before(async () => {
  upstream = await taskUpstream();
  house = await openHouse({ servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } } });
  gateway = await house.start();
  agent = new ModernAgent(`${gateway.url}/mcp/tools`, house.tokens.agent!, WITH_TASKS);
});
after(async () => {
  await house.close();
  await upstream.close();
});

function legOf(id: string): ReturnType<GatewayProcess['approval']> {
  return eventually('a leg', async () => {
    const legs = await gateway.approvals('pending');
    return legs.find(({ answersTo }) => answersTo === id) ?? null;
  });
}
/** An approved call that the server runs as a task of its own, which asks. */
async function asking(
  tool: string,
  name: string,
  more: JsonObject = {},
): Promise<{ taskId: string; id: string; theirs: UpstreamTask }> {
  const taskId = String((await agent.call(tool, { name, ...more })).result?.taskId);
  const { id } = await gateway.pending(tool, { name });
  await house.approve(id);
  const theirs = await eventually('the server has a task', async () => upstream.task(name));
  theirs.status = 'input_required';
  await eventually('it asks', async () => {
    const { result } = await agent.send('tasks/get', { taskId });
    return result?.status === 'input_required' ? result : null;
  });
  return { taskId, id, theirs };
}
const update = (taskId: string, sure: boolean, more: JsonObject = {}): Promise<ModernAnswer> =>
  agent.send('tasks/update', { taskId, inputResponses: { sure: { content: { sure } } }, ...more });

describe('P1: What an agent answers to a task that the server itself runs', () => {
  test('policy allows answers: sent at once and logged', async () => {
    const { taskId, id, theirs } = await asking('must', 'allowed');
    assert.equal((await update(taskId, true)).result?.resultType, 'complete');
    assert.deepEqual(theirs.updates[0]?.inputResponses, { sure: { content: { sure: true } } });
    const given = (await gateway.events(id)).find(({ type }) => type === 'answer.given');
    assert.match(JSON.stringify(given?.data.answers), /"sure":true/);
  });

  test('else it waits for a yes, and nothing else of the message is the agent’s', async () => {
    const { taskId, id, theirs } = await asking('may', 'asked');
    const open = update(taskId, true, { alsoThis: 'unseen' });
    const leg = await legOf(id);
    assert.match(leg.asked ?? '', /Delete them all\?/);
    assert.match(JSON.stringify(leg.sent.params.answer), /"sure":true/);
    assert.equal(theirs.updates.length, 0);
    await house.approve(leg.id);
    assert.equal((await open).result?.resultType, 'complete');
    assert.equal(theirs.updates.length, 1);
    assert.doesNotMatch(JSON.stringify(theirs.updates), /unseen/);
  });

  test('after a no the agent may answer otherwise', async () => {
    const { taskId, id, theirs } = await asking('may', 'denied');
    const first = update(taskId, true);
    await house.deny((await legOf(id)).id, 'not all');
    assert.match((await first).error?.message ?? '', /not all/);
    const second = update(taskId, false);
    await house.approve((await legOf(id)).id);
    await second;
    assert.deepEqual(
      theirs.updates.map(({ inputResponses }) => inputResponses),
      [{ sure: { content: { sure: false } } }],
    );
  });

  test('to a question that is too long to be shown: refused, with its size and the bound', async () => {
    const { taskId, id, theirs } = await asking('may', 'too long', { pad: 300_000 });
    const { status, error } = await update(taskId, true);
    assert.equal(status, 409);
    assert.match(error?.message ?? '', /it has 300\d{3} bytes.*at most 262144 \(256 KiB\).*Cancel the task/);
    assert.equal(theirs.updates.length, 0);
    assert.equal((await gateway.approval(id)).state, 'dispatched');
  });

  test('2025-11-25: a request on the stream of tasks/result needs a yes as well', async () => {
    const legacy = await TaskAgent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    const taskId = await legacy.task('asks', { name: 'on its stream' });
    const { id } = await gateway.pending('asks', { name: 'on its stream' });
    await house.approve(id);
    await eventually('it runs', async () => (upstream.waits('on its stream') ? true : null));
    const answered = upstream.ask('on its stream');
    await eventually('it asks', async () => ((await legacy.get(taskId)).status === 'input_required' ? true : null));
    const messages = legacy.messages('tasks/result', { taskId });
    let asked: JsonObject | null = null;
    for await (const message of messages) {
      if (message.method !== 'elicitation/create') continue;
      asked = message;
      break;
    }
    const open = legacy.post({ jsonrpc: '2.0', id: asked!.id!, result: { action: 'decline' } });
    await house.approve((await legOf(id)).id);
    assert.equal((await open).status, 202);
    assert.match(JSON.stringify(await answered), /decline/);
    upstream.answer('on its stream', 'ended');
    await gateway.reaches(id, 'succeeded');
  });
});
