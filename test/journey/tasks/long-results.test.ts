import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { JsonObject } from '../../../src/domain/json/json.ts';
import { Agent } from '../../support/agent/agent.ts';
import { ModernAgent, WITH_TASKS } from '../../support/agent/modern.ts';
import { TaskAgent } from '../../support/agent/tasks.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type ErasUpstream, erasUpstream, saying } from '../../support/upstream/eras.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: allow
tools:
  create_key: { action: require_approval }
`;
/** More than is kept for later callers. */
const LONG = 'long '.repeat(1024 * 1024);
const NOT_KEPT = /^Result not kept: tools\.create_key ran once and succeeded \(its result has 5\.0 MiB, more than/;

describe('a result that is too long to keep', () => {
  let upstream: ErasUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let tasker: TaskAgent;
  before(async () => {
    upstream = await erasUpstream();
    upstream.behave = () => saying(LONG);
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, hold: { default: 30s, progress: 30s } }',
    });
    gateway = await house.start();
    tasker = await TaskAgent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });
  const textIn = (result: JsonObject): string => (result.content as { text: string }[])[0]!.text;
  const approve = async (name: string): Promise<string> => {
    const { id } = await gateway.pending('create_key', { name });
    await house.approve(id);
    return id;
  };

  test('goes to the `tasks/result` that waits for it, whole; who asks later reads what happened', async () => {
    const taskId = await tasker.task('create_key', { name: 'waited' });
    const waiting = tasker.ask('tasks/result', { taskId });
    await approve('waited');
    const result = await waiting;
    assert.ok(textIn(result) === LONG, textIn(result).slice(0, 200));
    assert.deepEqual((result._meta as JsonObject)['io.modelcontextprotocol/related-task'], { taskId });
    assert.equal(((result._meta as JsonObject)['holdfast/approval'] as JsonObject).state, 'succeeded');
    const later = await tasker.ask('tasks/result', { taskId });
    assert.equal(later.isError, true);
    assert.match(textIn(later), NOT_KEPT);
    assert.match(textIn(later), /Calling again runs it once more/);
    assert.equal(upstream.count('create_key', { name: 'waited' }), 1);
  });

  test('nobody waits: the task is completed, as its call was, and its result says why there is none', async () => {
    const taskId = await tasker.task('create_key', { name: 'alone' });
    await gateway.reaches(await approve('alone'), 'succeeded');
    const task = await eventually('it has ended', async () => {
      const found = await tasker.get(taskId);
      return found.status === 'working' ? null : found;
    });
    assert.equal(task.status, 'completed');
    assert.match(String(task.statusMessage), NOT_KEPT);
    assert.match(textIn(await tasker.ask('tasks/result', { taskId })), NOT_KEPT);
  });

  test('the same in 2026-07-28, where tasks are polled', async () => {
    const modern = new ModernAgent(`${gateway.url}/mcp/tools`, house.tokens.agent!, WITH_TASKS);
    const created = await modern.call('create_key', { name: 'polled' });
    const taskId = String(created.result?.taskId);
    await gateway.reaches(await approve('polled'), 'succeeded');
    const task = await eventually('it has ended', async () => {
      const { result } = await modern.send('tasks/get', { taskId });
      return result?.status === 'working' ? null : result!;
    });
    assert.equal(task.status, 'completed');
    assert.match(textIn(task.result as JsonObject), NOT_KEPT);
  });

  test('goes to every caller that waits on a stream, whoever sent it', async () => {
    const agents = [0, 1].map(() => Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!));
    const calls = (await Promise.all(agents)).map((agent) => agent.call('create_key', { name: 'joined' }));
    const { id } = await gateway.pending('create_key', { name: 'joined' });
    await eventually('both wait', async () =>
      (await gateway.events(id)).some(({ type }) => type === 'approval.joined') ? true : null,
    );
    await house.approve(id);
    for (const { answer } of calls) assert.ok((await answer).content[0]?.text === LONG);
    assert.equal(upstream.count('create_key', { name: 'joined' }), 1);
  });
});
