import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { ModernAgent, type ModernAnswer, modernText } from '../../support/agent/modern.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type ErasUpstream, erasUpstream, saying } from '../../support/upstream/eras.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: allow
tools:
  create_key: { action: require_approval }
`;

describe('A modern caller without tasks', () => {
  let upstream: ErasUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let agent: ModernAgent;
  let other: ModernAgent;
  before(async () => {
    upstream = await erasUpstream();
    house = await openHouse({
      audit: '{ erasable: true }',
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, hold: { leg: 400ms, beat: 100ms } }',
      grants: ['other'],
      slack: false,
    });
    gateway = await house.start();
    agent = new ModernAgent(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    other = new ModernAgent(`${gateway.url}/mcp/tools`, house.tokens.other!);
  });
  beforeEach(() => {
    upstream.behave = () => saying('done');
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  async function decide(id: string, decision: 'approve' | 'deny'): Promise<void> {
    const body = JSON.stringify({ decision, reason: 'because' });
    const headers = { 'content-type': 'application/json' };
    const answer = await gateway.api(`/api/approvals/${id}/decisions`, { method: 'POST', body, headers });
    assert.equal(answer.status, 200, await answer.text());
  }
  const stateOf = (answer: ModernAnswer): string => {
    assert.equal(answer.result?.resultType, 'input_required', JSON.stringify(answer));
    assert.equal(answer.result?.inputRequests, undefined);
    return String(answer.result?.requestState);
  };

  test('is held for a leg with signs of life, then sent away with nothing but a state, and collects with it', async () => {
    const first = await agent.send(
      'tools/call',
      { name: 'create_key', arguments: { name: 'a' } },
      { meta: { progressToken: 'p' } },
    );
    const requestState = stateOf(first);
    assert.ok(first.comments.length >= 2, `${first.comments.length} comments`);
    assert.ok(
      first.notifications.every(
        ({ method, params }) => method === 'notifications/progress' && params.progressToken === 'p',
      ),
    );
    const { id } = await gateway.pending('create_key', { name: 'a' });
    await decide(id, 'approve');
    const second = await agent.call('create_key', { name: 'a' }, { requestState });
    assert.equal(modernText(second), 'done');
    assert.equal(second.result?.resultType, 'complete');
    assert.equal(upstream.count('create_key', { name: 'a' }), 1);
    const call = upstream.calls.find((one) => one.args.name === 'a');
    assert.equal(call?.params.requestState, undefined, 'our state never reaches the server');
    assert.equal(call?.text.includes('holdfast.'), false);
  });

  test('a denial says who and why, and nothing was sent', async () => {
    const requestState = stateOf(await agent.call('create_key', { name: 'denied' }));
    await decide((await gateway.pending('create_key', { name: 'denied' })).id, 'deny');
    const answer = await agent.call('create_key', { name: 'denied' }, { requestState });
    assert.match(modernText(answer), /^Denied by admin: because/);
    assert.equal(answer.result?.isError, true);
    assert.equal(answer.result?.resultType, 'complete');
    assert.equal(upstream.count('create_key', { name: 'denied' }), 0);
  });

  test('a state is good once, for its own call and its own principal, and not when changed', async () => {
    const requestState = stateOf(await agent.call('create_key', { name: 'bound' }));
    const refused = async (who: ModernAgent, args: { name: string }, state: string): Promise<void> => {
      const answer = await who.call('create_key', args, { requestState: state });
      assert.equal(answer.error?.code, -32602, JSON.stringify(answer));
      assert.equal(answer.status, 400);
    };
    await refused(other, { name: 'bound' }, requestState);
    await refused(agent, { name: 'another' }, requestState);
    await refused(agent, { name: 'bound' }, `${requestState.slice(0, -2)}xx`);
    stateOf(await agent.call('create_key', { name: 'bound' }, { requestState }));
    await refused(agent, { name: 'bound' }, requestState);
    assert.equal((await gateway.pending('create_key', { name: 'bound' })).callers, 1);
    assert.equal(upstream.count('create_key', { name: 'bound' }), 0);
  });

  test('on the tenth leg it is told to call again, and the identical call joins', async () => {
    let answer = await agent.call('create_key', { name: 'long' });
    for (let leg = 2; leg <= 10; leg += 1) {
      answer = await agent.call('create_key', { name: 'long' }, { requestState: stateOf(answer) });
    }
    assert.match(modernText(answer), /^Waiting for approval: /);
    const { id } = await gateway.pending('create_key', { name: 'long' });
    stateOf(await agent.call('create_key', { name: 'long' }));
    assert.equal((await gateway.pending('create_key', { name: 'long' })).id, id);
  });

  test('P4: a state is good on the gateway that is started after the first was killed', async () => {
    const requestState = stateOf(await agent.call('create_key', { name: 'restart' }));
    const { id } = await gateway.pending('create_key', { name: 'restart' });
    await gateway.kill();
    gateway = await house.start();
    agent.url = other.url = `${gateway.url}/mcp/tools`;
    await decide(id, 'approve');
    assert.equal(modernText(await agent.call('create_key', { name: 'restart' }, { requestState })), 'done');
    assert.equal(upstream.count('create_key', { name: 'restart' }), 1);
  });

  test('closing the blocking request cancels it: the approval is withdrawn', async () => {
    const abort = new AbortController();
    const open = agent.open(
      'tools/call',
      { name: 'create_key', arguments: { name: 'closed' } },
      { signal: abort.signal },
    );
    const { id } = await gateway.pending('create_key', { name: 'closed' });
    await open;
    abort.abort();
    await gateway.reaches(id, 'withdrawn');
  });

  test("a server's own state passes untouched, in and out, when nothing is gated", async () => {
    upstream.behave = (call) =>
      call.params.requestState === undefined
        ? { resultType: 'input_required', requestState: 'their-state=="x"', inputRequests: {} }
        : saying(`got ${String(call.params.requestState)}`);
    const first = await agent.call('read', {});
    assert.equal(first.result?.requestState, 'their-state=="x"');
    assert.equal(
      modernText(await agent.call('read', {}, { requestState: 'their-state=="x"' })),
      'got their-state=="x"',
    );
  });

  test('P1, P2: what a server asks back under an approval is answered without a second one, once', async () => {
    upstream.behave = (call) =>
      call.params.inputResponses === undefined
        ? { resultType: 'input_required', requestState: 'theirs', inputRequests: { who: { method: 'roots/list' } } }
        : saying('gone on');
    const args = { name: 'asks' };
    const open = agent.call('create_key', args);
    await decide((await gateway.pending('create_key', args)).id, 'approve');
    let answer = await open;
    if (String(answer.result?.requestState).startsWith('holdfast.')) {
      answer = await agent.call('create_key', args, { requestState: stateOf(answer) });
    }
    assert.equal(answer.result?.requestState, 'theirs', JSON.stringify(answer));
    const more = { requestState: 'theirs', inputResponses: { who: { roots: [] } } };
    assert.equal(modernText(await agent.call('create_key', args, more)), 'gone on');
    assert.equal(upstream.count('create_key', args), 2);
    // The same state again, or other arguments with it, is a call that nobody approved.
    stateOf(await agent.call('create_key', args, more));
    assert.equal(upstream.count('create_key', args), 2);
    const foreign = await agent.call('create_key', { name: 'smuggled' }, more);
    const id = (await gateway.pending('create_key', { name: 'smuggled' })).id;
    assert.equal(upstream.count('create_key', { name: 'smuggled' }), 0);
    // The server's state that the call carried is not lost while it waits.
    await decide(id, 'approve');
    assert.equal(
      modernText(await agent.call('create_key', { name: 'smuggled' }, { requestState: stateOf(foreign) })),
      'gone on',
    );
    assert.equal(upstream.calls.at(-1)?.params.requestState, 'theirs');
    const events = await eventually('both dispatches in the log', async () => {
      const found = (await gateway.events()).filter(
        (event) => event.type === 'call.dispatched' && event.data.continues,
      );
      return found.length === 1 ? found : null;
    });
    assert.equal(events.length, 1);
  });

  test('what no server would take is refused before anybody is asked', async () => {
    const params = { name: 'create_key', arguments: { name: 'headers' } };
    const wrong = await agent.send('tools/call', params, { headers: { 'mcp-name': 'read' } });
    assert.deepEqual([wrong.status, wrong.error?.code], [400, -32020]);
    const old = await agent.send('tools/call', params, {
      meta: { 'io.modelcontextprotocol/protocolVersion': '2031-01-01' },
      headers: { 'mcp-protocol-version': '2031-01-01' },
    });
    assert.deepEqual([old.status, old.error?.code], [400, -32022]);
    assert.deepEqual(old.error?.data, { supported: ['2026-07-28'], requested: '2031-01-01' });
    const pending = await gateway.approvals('pending');
    assert.equal(
      pending.some((one) => one.arguments.name === 'headers'),
      false,
    );
  });
});
