import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { JsonObject } from '../../../src/domain/json/json.ts';
import { ModernAgent, type ModernAnswer, modernText, WITH_TASKS } from '../../support/agent/modern.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Arrived, type ErasAnswer, type ErasUpstream, erasUpstream, saying } from '../../support/upstream/eras.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: allow
tools:
  create_key: { action: require_approval }
`;
const ASKED = { who: { method: 'roots/list' } };

/** Asks once; then repeats the answer it was given. */
function asksFirst({ params }: Arrived): ErasAnswer {
  return params.inputResponses === undefined
    ? { resultType: 'input_required', requestState: 'theirs', inputRequests: ASKED }
    : saying(`gone on with ${JSON.stringify(params.inputResponses)}`);
}

let upstream: ErasUpstream;
let house: House;
let gateway: GatewayProcess;
let agent: ModernAgent;
let tasker: ModernAgent;

/** `pickup`: how long a question stays open. */
async function build(pickup: string): Promise<void> {
  upstream = await erasUpstream();
  upstream.behave = asksFirst;
  house = await openHouse({
    servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
    approval: `{ timeout: 10m, pickup: ${pickup}, hold: { leg: 30s } }`,
  });
  gateway = await house.start();
  const url = `${gateway.url}/mcp/tools`;
  agent = new ModernAgent(url, house.tokens.agent!);
  tasker = new ModernAgent(url, house.tokens.agent!, WITH_TASKS);
}
async function close(): Promise<void> {
  await house.close();
  await upstream.close();
}

async function approve(args: JsonObject): Promise<string> {
  const { id } = await gateway.pending('create_key', args as Record<string, unknown>);
  await house.approve(id);
  return id;
}
/** Makes an approved call, to which the server's answer is a question. */
async function askedOf(args: JsonObject): Promise<{ id: string; answer: ModernAnswer }> {
  const open = agent.call('create_key', args);
  const id = await approve(args);
  const answer = await open;
  assert.equal(answer.result?.requestState, 'theirs', JSON.stringify(answer));
  return { id, answer };
}
const answer = (args: JsonObject, roots: readonly number[]): Promise<ModernAnswer> =>
  agent.call('create_key', args, { requestState: 'theirs', inputResponses: { who: { roots } } });

async function created(args: JsonObject): Promise<string> {
  return String((await tasker.call('create_key', args)).result?.taskId);
}
/** Waits until the task has this status. */
function reaches(taskId: string, status: string): Promise<JsonObject> {
  return eventually(`the task is ${status}`, async () => {
    const { result } = await tasker.send('tasks/get', { taskId });
    return result?.status === status ? result : null;
  });
}

describe('A server that asks before it ends an approved call (2026-07-28)', () => {
  before(() => build('1h'));
  after(close);

  test('P10: is not done: the card says that it asked, and only its answer makes it done', async () => {
    const { id } = await askedOf({ name: 'honest' });
    assert.equal((await gateway.approval(id)).state, 'dispatched');
    await house.card(id, /asked the agent for something/);
    assert.match(modernText(await answer({ name: 'honest' }, [1])), /gone on with/);
    assert.equal((await gateway.approval(id)).state, 'succeeded');
    await house.card(id, /went through/);
    const calls = (await gateway.events(id)).map(({ type }) => type).filter((type) => type.startsWith('call.'));
    assert.deepEqual(calls, ['call.dispatched', 'call.deferred', 'call.dispatched', 'call.succeeded']);
  });

  test('P2: an agent that lost the question gets it again; of two answers one goes on, and the other gets its result', async () => {
    const args = { name: 'lost question' };
    const { id } = await askedOf(args);
    const again = await agent.call('create_key', args);
    assert.equal(again.result?.requestState, 'theirs', 'the same question, and no second call');
    assert.equal(upstream.count('create_key', args), 1);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    upstream.behave = async (call) => {
      await held;
      return asksFirst(call);
    };
    const first = answer(args, [1]);
    await eventually('the first goes on', async () => (upstream.count('create_key', args) === 2 ? true : null));
    const second = answer(args, [2]);
    await eventually('the second has joined', async () => ((await gateway.approval(id)).callers === 2 ? true : null));
    release();
    assert.match(modernText(await first), /"roots":\[1\]/);
    assert.match(modernText(await second), /"roots":\[1\]/);
    upstream.behave = asksFirst;
    assert.equal(upstream.count('create_key', args), 2);
    assert.equal((await gateway.approvals()).filter((one) => one.arguments.name === args.name).length, 1);
  });

  test('P2: an answer that could not be sent leaves the question standing', async () => {
    const args = { name: 'not sent' };
    const { id } = await askedOf(args);
    const port = Number(new URL(upstream.url).port);
    await upstream.close();
    assert.match(modernText(await answer(args, [1])), /^Not sent: .*Your answer was not sent/s);
    assert.equal((await gateway.approval(id)).state, 'dispatched');
    upstream = await erasUpstream(port);
    upstream.behave = asksFirst;
    assert.match(modernText(await answer(args, [1])), /gone on with/);
    assert.equal((await gateway.approval(id)).state, 'succeeded');
    assert.equal(upstream.count('create_key', args), 1, 'the first leg is not repeated');
  });

  test('with tasks: dispatched until tasks/update has let it go on to its end', async () => {
    const taskId = await created({ name: 'task answered' });
    const id = await approve({ name: 'task answered' });
    await reaches(taskId, 'input_required');
    assert.equal((await gateway.approval(id)).state, 'dispatched');
    await tasker.send('tasks/update', { taskId, inputResponses: { who: { roots: [7] } } });
    const done = await reaches(taskId, 'completed');
    assert.match(JSON.stringify(done.result), /roots.*7/);
    assert.equal((await gateway.approval(id)).state, 'succeeded');
  });

  test('P2: a task that is cancelled instead of answered: its call is unknown at once', async () => {
    const taskId = await created({ name: 'task cancelled' });
    const id = await approve({ name: 'task cancelled' });
    await reaches(taskId, 'input_required');
    await tasker.send('tasks/cancel', { taskId });
    assert.equal((await reaches(taskId, 'cancelled')).taskId, taskId);
    assert.match((await gateway.reaches(id, 'unknown')).note ?? '', /cancelled its task instead of answering/);
  });
});

describe('A server that asks, and is not answered in time', () => {
  before(() => build('2s'));
  after(close);

  test('P2: nobody answers in time: unknown, and an answer that comes later asks a person anew', async () => {
    const args = { name: 'unanswered' };
    const { id } = await askedOf(args);
    const { note } = await gateway.reaches(id, 'unknown');
    assert.match(note ?? '', /asked for something .* and was not answered in time/);
    await house.card(id, /Outcome unknown/);
    assert.match(modernText(await agent.call('create_key', args)), /^Outcome unknown/, 'its caller is told once');
    const abort = new AbortController();
    const late = {
      name: 'create_key',
      arguments: args,
      requestState: 'theirs',
      inputResponses: { who: { roots: [] } },
    };
    await agent.open('tools/call', late, { signal: abort.signal });
    assert.equal((await gateway.pending('create_key', args)).previousUnknown, id);
    assert.equal(upstream.count('create_key', args), 1);
    abort.abort();
  });

  test('P2: with tasks: unknown, told by the task, and sent once', async () => {
    const taskId = await created({ name: 'task silent' });
    const id = await approve({ name: 'task silent' });
    await gateway.reaches(id, 'unknown');
    assert.match(JSON.stringify((await reaches(taskId, 'completed')).result), /Outcome unknown/);
    assert.equal(upstream.count('create_key', { name: 'task silent' }), 1);
  });
});
