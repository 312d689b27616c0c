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
  create_key: { action: require_approval, severity: high, redact: [args.seed] }
  read: { action: require_approval, severity: medium }
`;
const ASKED = { who: { method: 'elicitation/create', params: { message: 'Really for production?' } } };

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

async function build(approval: string): Promise<void> {
  upstream = await erasUpstream();
  upstream.behave = asksFirst;
  house = await openHouse({
    servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
    approval,
  });
  gateway = await house.start();
  agent = new ModernAgent(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  tasker = new ModernAgent(`${gateway.url}/mcp/tools`, house.tokens.agent!, WITH_TASKS);
}
async function close(): Promise<void> {
  await house.close();
  await upstream.close();
}

/** Makes an approved call, to which the server's answer is a question. Returns its approval's id. */
async function askedOf(args: JsonObject, tool = 'create_key', shown = args): Promise<string> {
  const open = agent.call(tool, args);
  const { id } = await gateway.pending(tool, shown as Record<string, unknown>);
  await house.approve(id);
  const answer = await open;
  assert.equal(answer.result?.requestState, 'theirs', JSON.stringify(answer));
  return id;
}
const accepting = (text: string): JsonObject => ({ who: { action: 'accept', content: { text } } });
const answer = (args: JsonObject, text: string, tool = 'create_key'): Promise<ModernAnswer> =>
  agent.call(tool, args, { requestState: 'theirs', inputResponses: accepting(text) });

/** The pending approval of an answer to what this call was asked. */
function legOf(id: string, says = ''): ReturnType<GatewayProcess['approval']> {
  return eventually('a leg', async () => {
    const legs = (await gateway.approvals('pending')).filter(({ answersTo }) => answersTo === id);
    return legs.find(({ sent }) => JSON.stringify(sent).includes(says)) ?? null;
  });
}
const noted = ({ result }: ModernAnswer): JsonObject =>
  (result?._meta as JsonObject | undefined)?.['holdfast/approval'] as JsonObject;

describe('P1, P10: What an agent answers to what a server asks during an approved call (2026-07-28)', () => {
  before(() => build('{ timeout: 10m, pickup: 1h, hold: { leg: 30s } }'));
  after(close);

  test('medium severity: goes on at once, and is logged and shown', async () => {
    const args = { name: 'allowed' };
    const id = await askedOf(args, 'read');
    assert.match(modernText(await answer(args, 'yes, for staging', 'read')), /gone on with .*staging/);
    const given = (await gateway.events(id)).find(({ type }) => type === 'answer.given');
    assert.match(JSON.stringify(given?.data.answers), /yes, for staging/);
    assert.match(String(given?.data.digest), /^[0-9a-f]{64}$/);
    assert.match((await gateway.approval(id)).answers[0]?.text ?? '', /staging/);
    await house.card(id, /answered what the server asked/);
  });

  test('high severity: waits for a yes of its own, over what was asked and answered', async () => {
    const args = { name: 'asked', seed: 'hidden' };
    const id = await askedOf(args, 'create_key', { name: 'asked', seed: '[redacted]' });
    const open = answer(args, 'yes, for production');
    const leg = await legOf(id);
    assert.notEqual(leg.id, id);
    assert.match(leg.asked ?? '', /Really for production\?/);
    assert.match(JSON.stringify(leg.sent.params.inputResponses), /yes, for production/);
    assert.equal(leg.sent.params.requestState, 'theirs');
    assert.equal(leg.arguments.seed, '[redacted]');
    await house.card(leg.id, /Answers what the server asked during/);
    assert.equal(upstream.count('create_key', args), 1, 'nothing is sent before the yes');
    assert.equal((await gateway.approval(id)).state, 'dispatched');
    await house.approve(leg.id);
    const done = await open;
    assert.match(modernText(done), /gone on with .*production/);
    assert.deepEqual([noted(done).id, noted(done).answersTo], [leg.id, id]);
    assert.deepEqual([await stateOf(id), await stateOf(leg.id)], ['succeeded', 'succeeded']);
    assert.equal(upstream.count('create_key', args), 2);
    const types = (await gateway.events(id)).map(({ type }) => type).filter((type) => /^(call|answer)\./.test(type));
    assert.deepEqual(types, ['call.dispatched', 'call.deferred', 'answer.given', 'call.dispatched', 'call.succeeded']);
  });

  test('the state of an approved call goes with no other request', async () => {
    const args = { name: 'state' };
    await askedOf(args);
    const before = upstream.messages.length;
    const more = { requestState: 'theirs', inputResponses: accepting('yes') };
    const others = [
      await agent.call('another', args, more),
      await agent.send('prompts/get', { name: 'p', ...more }),
      await agent.send('resources/read', { uri: 'file:///x', ...more }, { headers: { 'mcp-name': 'file:///x' } }),
    ];
    for (const { status, error } of others) {
      assert.equal(status, 400);
      assert.match(error?.message ?? '', /requestState was given to a call that needed approval/);
    }
    assert.equal(upstream.messages.length, before);
  });

  test('a no leaves the question open: another answer asks again, and only its yes is sent', async () => {
    const args = { name: 'denied first' };
    const id = await askedOf(args);
    const first = answer(args, 'everything');
    await house.deny((await legOf(id)).id, 'too much');
    assert.match(modernText(await first), /^Denied by .*too much[\s\S]*was not sent/);
    assert.equal(await stateOf(id), 'dispatched');
    const second = answer(args, 'a little');
    await house.approve((await legOf(id, 'a little')).id);
    assert.match(modernText(await second), /a little/);
    assert.equal(upstream.calls.filter(({ text }) => text.includes('everything')).length, 0);
  });

  test('two different answers: the first that is approved is sent, the other ends', async () => {
    const args = { name: 'two answers' };
    const id = await askedOf(args);
    const one = answer(args, 'one');
    const two = answer(args, 'two');
    const [first, second] = [await legOf(id, 'one'), await legOf(id, 'two')];
    await house.approve(second.id);
    assert.match(modernText(await two), /two/);
    assert.match(modernText(await one), /no longer waits for this answer/);
    assert.equal((await gateway.approval(first.id)).state, 'withdrawn');
    assert.equal(upstream.count('create_key', args), 2);
  });

  test('the same answer twice is one approval, and one sending', async () => {
    const args = { name: 'twice' };
    const id = await askedOf(args);
    const both = [answer(args, 'same'), answer(args, 'same')];
    const leg = await legOf(id);
    await eventually('both wait', async () => ((await gateway.approval(leg.id)).callers === 2 ? true : null));
    await house.approve(leg.id);
    for (const got of await Promise.all(both)) assert.match(modernText(got), /same/);
    assert.equal(upstream.count('create_key', args), 2);
  });

  test('a server that asks again needs a yes again, and its earlier answer is not used twice', async () => {
    const args = { name: 'again' };
    upstream.behave = (call) =>
      upstream.count('create_key', args) < 3
        ? { resultType: 'input_required', requestState: 'theirs', inputRequests: ASKED }
        : asksFirst(call);
    const id = await askedOf(args);
    const other = answer(args, 'held back');
    const late = await legOf(id, 'held back');
    const first = answer(args, 'first');
    await house.approve((await legOf(id, 'first')).id);
    assert.equal((await first).result?.requestState, 'theirs');
    const second = answer(args, 'first');
    const next = await legOf(id, 'first');
    assert.match(modernText(await other), /no longer waits/, 'it answered the question before');
    assert.equal(await stateOf(late.id), 'withdrawn');
    await house.approve(next.id);
    assert.match(modernText(await second), /gone on with/);
    assert.equal(upstream.count('create_key', args), 3);
    upstream.behave = asksFirst;
  });

  test('an answer that could not be sent keeps its yes', async () => {
    const args = { name: 'not sent' };
    const id = await askedOf(args);
    const open = answer(args, 'kept');
    const leg = await legOf(id);
    const port = Number(new URL(upstream.url).port);
    await upstream.close();
    await house.approve(leg.id);
    assert.match(modernText(await open), /^Not sent: [\s\S]*Your answer was not sent/);
    assert.deepEqual([await stateOf(id), await stateOf(leg.id)], ['dispatched', 'approved']);
    upstream = await erasUpstream(port);
    upstream.behave = asksFirst;
    assert.match(modernText(await answer(args, 'kept')), /kept/);
    assert.deepEqual([await stateOf(id), await stateOf(leg.id)], ['succeeded', 'succeeded']);
    assert.equal(upstream.count('create_key', args), 1);
  });

  test('the opener’s bytes and headers are sent, with the approved answers only', async () => {
    const args = { name: 'bytes' };
    const id = await askedOf(args);
    const params = { name: 'create_key', arguments: args, requestState: 'theirs', inputResponses: accepting('bytes') };
    const open = agent.send('tools/call', params, { meta: { 'x/other': 'not shown' } });
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(upstream.calls.filter(({ text }) => text.includes('not shown')).length, 0);
    // Another `_meta` is another call: it does not answer this one's question, and asks for itself.
    const own = await eventually(
      'its own approval',
      async () => (await gateway.approvals('pending')).find(({ arguments: { name } }) => name === 'bytes') ?? null,
    );
    assert.equal(own.answersTo, null);
    await house.deny(own.id);
    await open;
    assert.equal(await stateOf(id), 'dispatched');
  });
});

/** A task whose server asks, with its call's approval. */
async function askedTask(args: JsonObject, tool = 'create_key'): Promise<{ taskId: string; id: string }> {
  const taskId = String((await tasker.call(tool, args)).result?.taskId);
  const { id } = await gateway.pending(tool, args as Record<string, unknown>);
  await house.approve(id);
  await reaches(taskId, 'input_required');
  return { taskId, id };
}
const update = (taskId: string, text: string): Promise<ModernAnswer> =>
  tasker.send('tasks/update', { taskId, inputResponses: accepting(text) });
/** Waits until the task has this status, and says this. */
function reaches(taskId: string, status: string, says = /./): Promise<JsonObject> {
  return eventually(`the task is ${status}`, async () => {
    const { result } = await tasker.send('tasks/get', { taskId });
    return result?.status === status && says.test(JSON.stringify(result)) ? result : null;
  });
}

describe('P1, P10: What an agent answers with tasks/update', () => {
  before(() => build('{ timeout: 10m, pickup: 1h }'));
  after(close);

  test('medium severity: goes on at once, and is logged', async () => {
    const { taskId, id } = await askedTask({ name: 'task allowed' }, 'read');
    await update(taskId, 'task staging');
    assert.match(JSON.stringify(await reaches(taskId, 'completed')), /task staging/);
    const given = (await gateway.events(id)).find(({ type }) => type === 'answer.given');
    assert.match(JSON.stringify(given?.data.answers), /task staging/);
  });

  test('high severity: works on once a person has said yes; other answers meanwhile change nothing', async () => {
    const args = { name: 'task asked' };
    const { taskId, id } = await askedTask(args);
    assert.equal((await update(taskId, 'for production')).result?.resultType, 'complete');
    const leg = await legOf(id, 'for production');
    await reaches(taskId, 'working', new RegExp(leg.id));
    await update(taskId, 'for everybody');
    assert.equal(upstream.count('create_key', args), 1);
    await house.approve(leg.id);
    assert.match(JSON.stringify(await reaches(taskId, 'completed')), /gone on with .*for production/);
    assert.deepEqual([await stateOf(id), await stateOf(leg.id)], ['succeeded', 'succeeded']);
    assert.equal(upstream.count('create_key', args), 2);
    assert.deepEqual([(await gateway.approval(id)).callers, (await gateway.approval(leg.id)).callers], [0, 0]);
  });

  test('after a no the task asks again, and says why', async () => {
    const args = { name: 'task denied' };
    const { taskId, id } = await askedTask(args);
    await update(taskId, 'too much');
    await house.deny((await legOf(id)).id, 'less please');
    await reaches(taskId, 'input_required', /less please/);
    await update(taskId, 'less');
    await house.approve((await legOf(id)).id);
    assert.match(JSON.stringify(await reaches(taskId, 'completed')), /less/);
    assert.equal(upstream.count('create_key', args), 2);
  });

  test('a task that is cancelled takes its answers back', async () => {
    const { taskId, id } = await askedTask({ name: 'task cancelled' });
    await update(taskId, 'never mind');
    const leg = await legOf(id);
    await tasker.send('tasks/cancel', { taskId });
    await gateway.reaches(leg.id, 'withdrawn');
    await gateway.reaches(id, 'unknown');
  });

  test('a value that cannot be shown exactly is refused', async () => {
    const { taskId } = await askedTask({ name: 'task inexact' });
    const response = await tasker.open('tasks/update', { taskId, inputResponses: { who: { lone: '\ud800' } } });
    assert.equal(response.status, 400);
    assert.match(await response.text(), /cannot be kept exactly/);
  });
});

describe('P2: A leg of which a person decides late', () => {
  before(() => build('{ timeout: 10m, pickup: 2s, hold: { leg: 1s } }'));
  after(close);

  test('its call waits for it, and its caller comes back to it', async () => {
    const args = { name: 'late' };
    const id = await askedOf(args);
    const sent = await answer(args, 'late answer');
    assert.equal(sent.result?.resultType, 'input_required');
    const leg = await legOf(id);
    assert.equal(noted(sent).id, leg.id);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    assert.equal(await stateOf(id), 'dispatched', 'past the time that a question stands');
    const returning = agent.call('create_key', args, { requestState: sent.result!.requestState! });
    await house.approve(leg.id);
    assert.match(modernText(await returning), /late answer/);
    assert.equal(await stateOf(id), 'succeeded');
  });
});

async function stateOf(id: string): Promise<string> {
  return (await gateway.approval(id)).state;
}
