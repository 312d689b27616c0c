import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { JsonObject } from '../../../src/domain/json/json.ts';
import { ModernAgent, type ModernAnswer, modernText } from '../../support/agent/modern.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Arrived, type ErasAnswer, type ErasUpstream, erasUpstream, saying } from '../../support/upstream/eras.ts';

const GATED = `version: "1"
default: allow
tools:
  create_key:
    action: allow
    ask_if: [{ path: args.much, op: eq, value: true }]
    approval: { answers: allow }
`;
const OPEN = 'version: "1"\ndefault: allow\n';
const ASKED = { who: { method: 'elicitation/create', params: { message: 'Sure?' } } };

let upstream: ErasUpstream;
let house: House;
let gateway: GatewayProcess;
/** What the server gives to whatever asks without a state. */
let state = 'none yet';

function asksFirst({ params, tool }: Arrived): ErasAnswer {
  return params.inputResponses === undefined
    ? { resultType: 'input_required', requestState: state, inputRequests: ASKED }
    : saying(`${tool} went on with ${params.requestState}`);
}

before(async () => {
  upstream = await erasUpstream();
  upstream.behave = asksFirst;
  house = await openHouse({
    servers: {
      gated: { at: `url: "${upstream.url}"`, policy: GATED },
      open: { at: `url: "${upstream.url}"`, policy: OPEN },
    },
    approval: '{ timeout: 10m, pickup: 1h, hold: { leg: 30s } }',
    grants: ['second'],
  });
  gateway = await house.start();
});
after(async () => {
  await house.close();
  await upstream.close();
});

const agentAt = (server: string, grant = 'agent'): ModernAgent =>
  new ModernAgent(`${gateway.url}/mcp/${server}`, house.tokens[grant]!);
const bringing = (requestState: string): JsonObject => ({
  requestState,
  inputResponses: { who: { action: 'accept', content: {} } },
});

/** A gated call that was approved, asked, answered, and is over. */
async function spent(given: string): Promise<void> {
  state = given;
  const args = { much: true, given, at: upstream.calls.length };
  const open = agentAt('gated').call('create_key', args);
  const { id } = await gateway.pending('create_key', args);
  await house.approve(id);
  assert.equal((await open).result?.requestState, given);
  assert.match(modernText(await agentAt('gated').call('create_key', args, bringing(given))), /went on with/);
  assert.equal((await gateway.approval(id)).state, 'succeeded');
}
function refused({ status, error }: ModernAnswer): void {
  assert.equal(status, 400);
  assert.match(
    error?.message ?? '',
    /requestState was given to a call that needed approval.*repeat this request without/,
  );
}

describe('P1: A state that a server issued to an approved call', () => {
  test('goes with nothing else once it was spent: no tool, no arguments, no method, no name, no grant', async () => {
    await spent('only mine');
    const before = upstream.messages.length;
    const more = bringing('only mine');
    refused(await agentAt('gated').call('read', {}, more));
    refused(await agentAt('gated').call('create_key', { much: false }, more));
    refused(await agentAt('gated').send('prompts/get', { name: 'p', ...more }));
    refused(await agentAt('open').call('create_key', { much: true }, more));
    refused(await agentAt('open', 'second').call('read', {}, more));
    const batch = JSON.stringify([{ jsonrpc: '2.0', id: 1, method: 'prompts/get', params: { name: 'p', ...more } }]);
    const headers = {
      authorization: `Bearer ${house.tokens.agent}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    };
    const response = await fetch(`${gateway.url}/mcp/gated`, { method: 'POST', headers, body: batch });
    assert.equal(response.status, 400);
    // Spellings that a decoder may take for the same.
    for (const spelt of [' only mine', 'only%20mine', 'OnlyMine==']) {
      refused(await agentAt('gated').call('read', {}, bringing(spelt)));
    }
    assert.equal(upstream.messages.length, before, 'nothing was sent');
  });

  test('also after a restart', async () => {
    await spent('before the restart');
    await gateway.kill();
    gateway = await house.start();
    refused(await agentAt('gated').call('read', {}, bringing('before the restart')));
  });

  test('with a call that policy asks about, is shown and asked about', async () => {
    await spent('asked again');
    const args = { much: true, again: true };
    const open = agentAt('gated').call('create_key', args, bringing('asked again'));
    const { id, sent } = await gateway.pending('create_key', args);
    assert.equal(sent.params.requestState, 'asked again');
    await house.deny(id);
    await open;
  });

  test('that it gives to everybody passes where it was given: the server says so by giving it', async () => {
    await spent('constant');
    for (const [server, grant] of [
      ['gated', 'agent'],
      ['open', 'second'],
    ] as const) {
      const agent = agentAt(server, grant);
      refused(await agent.call('read', {}, bringing('constant')));
      assert.equal((await agent.call('read', { n: 1 })).result?.requestState, 'constant');
      assert.match(modernText(await agent.call('read', { n: 1 }, bringing('constant'))), /read went on with constant/);
      refused(await agent.call('create_key', { much: false }, bringing('constant')));
    }
    await spent('constant');
    refused(await agentAt('gated').call('read', {}, bringing('constant')));
    assert.match(modernText(await agentAt('open', 'second').call('read', {}, bringing('constant'))), /went on/);
    assert.equal((await agentAt('gated').call('read', {})).result?.requestState, 'constant');
    assert.match(modernText(await agentAt('gated').call('read', {}, bringing('constant'))), /went on/);
  });

  test('is no concern of states that were never given to one', async () => {
    state = 'harmless';
    assert.equal((await agentAt('gated').call('read', {})).result?.requestState, 'harmless');
    assert.match(modernText(await agentAt('gated').call('read', {}, bringing('harmless'))), /went on with harmless/);
    assert.match(modernText(await agentAt('gated').call('read', {}, bringing('never seen'))), /went on/);
    assert.match(modernText(await agentAt('gated').call('read', {}, bringing(''))), /went on/);
  });
});
