import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { Agent, callTool, type ToolAnswer, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type SdkUpstream, sdkUpstream } from '../../support/upstream/sdk.ts';
import { eventually } from '../../support/wait.ts';

const policy = (severity: string): string => `version: "1"
default: allow
tools:
  ask: { action: require_approval, severity: ${severity} }
  ask_apart: { action: require_approval, severity: ${severity} }
`;
const PROGRAM = fileURLToPath(new URL('../../support/upstream/sdk-stdio.ts', import.meta.url));

let upstream: SdkUpstream;
let house: House;
let gateway: GatewayProcess;
const clients: Client[] = [];

/** An agent with the official client, which answers every question with this text. */
async function agentSaying(server: string, sure: boolean): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' }, { capabilities: { elicitation: {} } });
  const requestInit = { headers: { authorization: `Bearer ${house.tokens.agent}` } };
  client.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: { sure } }));
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp/${server}`), { requestInit }) as never,
  );
  clients.push(client);
  return client;
}

/** Makes a call and has it approved. */
async function running(
  client: Client,
  tool: string,
  question: string,
): Promise<{ id: string; done: Promise<ToolAnswer> }> {
  const done = callTool(client, tool, { question });
  const { id } = await gateway.pending(tool, { question });
  await house.approve(id);
  return { id, done };
}
function legOf(id: string): ReturnType<GatewayProcess['approval']> {
  return eventually('a leg', async () => {
    const legs = await gateway.approvals('pending');
    return legs.find(({ answersTo }) => answersTo === id) ?? null;
  });
}

before(async () => {
  upstream = await sdkUpstream();
  const child = `command: ["${process.execPath}", "${PROGRAM}"]`;
  house = await openHouse({
    servers: {
      high: { at: `url: "${upstream.url}"`, policy: policy('high') },
      medium: { at: `url: "${upstream.url}"`, policy: policy('medium') },
      stdio: { at: child, policy: policy('high') },
      plain: { at: `url: "${upstream.url}"`, policy: 'version: "1"\ndefault: allow\n' },
    },
    approval: '{ timeout: 10m, pickup: 1h }',
  });
  gateway = await house.start();
});
after(async () => {
  for (const client of clients) await client.close();
  await house.close();
  await upstream[Symbol.asyncDispose]();
});

describe('P1, P10: What an agent answers while an approved call runs (official client and server)', () => {
  test('medium severity: sent at once, logged and shown', async () => {
    const client = await agentSaying('medium', true);
    const { id, done } = await running(client, 'ask', 'medium?');
    assert.match(textOf(await done), /"sure":true/);
    const given = (await gateway.events(id)).find(({ type }) => type === 'answer.given');
    assert.match(JSON.stringify(given?.data.answers), /"sure":true/);
    await house.card(id, /answered what the server asked/);
  });

  for (const server of ['high', 'stdio']) {
    for (const tool of ['ask', 'ask_apart']) {
      test(`${server}, ${tool}: needs a yes, over question and answer`, async () => {
        const client = await agentSaying(server, true);
        const { id, done } = await running(client, tool, `${server} ${tool}?`);
        const leg = await legOf(id);
        assert.match(leg.asked ?? '', new RegExp(`${server} ${tool}\\?`));
        assert.match(JSON.stringify(leg.sent.params.answer), /"sure":true/);
        assert.equal((await gateway.approval(id)).state, 'dispatched');
        await house.approve(leg.id);
        assert.match(textOf(await done), /"sure":true/);
        await gateway.reaches(leg.id, 'succeeded');
        assert.equal((await gateway.approval(id)).state, 'succeeded');
      });
    }

    test(`${server}: after a no the server gets an error, and does not wait for ever`, async () => {
      const client = await agentSaying(server, false);
      const { id, done } = await running(client, 'ask', `${server} no?`);
      await house.deny((await legOf(id)).id, 'not that');
      assert.match(textOf(await done), /Denied by .*not that/);
      assert.match(JSON.stringify((await gateway.approval(id)).answers), /not that/);
    });
  }

  test('an agent that goes away takes its answer back', async () => {
    const client = await agentSaying('high', true);
    const { id, done } = await running(client, 'ask', 'gone?');
    const leg = await legOf(id);
    done.catch(() => {});
    await client.close();
    await gateway.reaches(leg.id, 'withdrawn');
  });
});

/** An agent by hand, in a session whose client can be asked. */
async function rawAgent(at: string): Promise<Agent> {
  const raw = new Agent(at, house.tokens.agent!);
  const clientInfo = { name: 'raw', version: '1' };
  const params = { protocolVersion: '2025-06-18', capabilities: { elicitation: {} }, clientInfo };
  const opened = await raw.post({ jsonrpc: '2.0', id: 'i', method: 'initialize', params });
  await opened.text();
  raw.session = opened.headers.get('mcp-session-id');
  await (await raw.post({ jsonrpc: '2.0', method: 'notifications/initialized' })).text();
  return raw;
}
/** Makes an approved call that has asked its question: the request with the id 0. */
async function askedBy(
  raw: Agent,
  at: GatewayProcess,
  question: string,
): Promise<{ id: string; done: Promise<ToolAnswer> }> {
  const sent = raw.call('ask', { question });
  const { id } = await at.pending('ask', { question });
  await house.approve(id);
  await eventually(
    'the question',
    async () => sent.notifications.find(({ method }) => method === 'elicitation/create') ?? null,
  );
  return { id, done: sent.answer };
}
const said = (sure: boolean): object => ({ action: 'accept', content: { sure } });
const reply = (sure: boolean, id: unknown = 0): Record<string, unknown> => ({ jsonrpc: '2.0', id, result: said(sure) });

describe('P1: No answer slips past its yes', () => {
  test('in a batch, with members that nobody sees, or as both result and error: refused by name', async () => {
    const raw = await rawAgent(`${gateway.url}/mcp/high`);
    const { id } = await askedBy(raw, gateway, 'refused?');
    const bodies: [object, RegExp][] = [
      [[reply(true)], /travels by itself/],
      [{ ...reply(true), secret: 'orders' }, /secret.*no member/],
      [{ ...reply(true), error: { code: 1, message: 'm' } }, /either a result or an error/],
    ];
    for (const [body, says] of bodies) {
      const response = await raw.post(body);
      assert.equal(response.status, 400);
      assert.match(await response.text(), says);
    }
    const inexact = '{"jsonrpc":"2.0","id":0,"result":{"action":"accept","content":{"n":9007199254740993}}}';
    assert.match(await (await raw.post(inexact)).text(), /cannot be kept exactly/);
    assert.equal((await gateway.approval(id)).state, 'dispatched');
    assert.equal((await gateway.approvals('pending')).filter(({ answersTo }) => answersTo === id).length, 0);
  });

  for (const [name, spelt] of [
    ['as text', '"0"'],
    ['as a fraction', '0.0'],
    ['with blanks', '" 0 "'],
    ['in another script', '"\u0660"'],
    ['negative', '-0'],
  ] as const) {
    test(`with its id ${name}: needs a yes all the same`, async () => {
      const raw = await rawAgent(`${gateway.url}/mcp/high`);
      const { id } = await askedBy(raw, gateway, `spelt ${name}?`);
      const abort = new AbortController();
      const text = JSON.stringify(reply(true)).replace('"id":0', `"id":${spelt}`);
      const open = raw.post(text, { signal: abort.signal }).catch(() => null);
      const leg = await legOf(id);
      assert.equal((await gateway.approval(id)).state, 'dispatched');
      abort.abort();
      await open;
      await gateway.reaches(leg.id, 'withdrawn');
    });
  }

  test('to something that nobody was seen to ask: refused while the call runs, alone and in a batch', async () => {
    const raw = await rawAgent(`${gateway.url}/mcp/high`);
    const { id } = await askedBy(raw, gateway, 'before its question?');
    for (const early of [7, '0abc']) {
      const response = await raw.post(reply(true, early));
      assert.equal(response.status, 409, String(early));
      assert.match(await response.text(), /has not asked this/);
    }
    assert.equal((await raw.post([reply(true, 7)])).status, 400);
    assert.equal((await gateway.approval(id)).state, 'dispatched');
    const odd = await raw.post({ jsonrpc: '2.0', id: { toString: 1 }, result: {} });
    assert.equal(odd.status, 400);
    assert.match(await odd.text(), /id must be a string or a number/);
  });

  test('another session’s answer to what it was asked passes, with the very id of the question that waits', async () => {
    const raw = await rawAgent(`${gateway.url}/mcp/high`);
    const { id, done } = await askedBy(raw, gateway, 'two sessions?');
    const other = await rawAgent(`${gateway.url}/mcp/plain`);
    const sent = other.call('ask', { question: 'the other?' });
    await eventually('its question', async () => sent.messages.find((message) => message.id === 0) ?? null);
    assert.equal((await other.post(reply(false))).status, 202);
    assert.match(textOf(await sent.answer), /"sure":false/);
    assert.equal((await other.post(reply(false))).status, 409, 'it was asked once');
    const open = raw.post(reply(true));
    await house.approve((await legOf(id)).id);
    assert.equal((await open).status, 202);
    assert.match(textOf(await done), /"sure":true/);
  });

  test('a second answer is refused, whatever became of the first', async () => {
    const raw = await rawAgent(`${gateway.url}/mcp/high`);
    const { id, done } = await askedBy(raw, gateway, 'twice?');
    const first = raw.post(reply(true));
    const leg = await legOf(id);
    const other = raw.post(reply(false));
    const second = await eventually(
      'the other leg',
      async () => (await gateway.approvals('pending')).find((one) => one.answersTo === id && one.id !== leg.id) ?? null,
    );
    await house.approve(leg.id);
    assert.equal((await first).status, 202);
    assert.match(textOf(await done), /"sure":true/);
    assert.equal((await other).status, 403);
    await gateway.reaches(second.id, 'withdrawn');
  });

  test('what policy asks about is frozen with the call: a softer policy later changes nothing', async () => {
    const raw = await rawAgent(`${gateway.url}/mcp/high`);
    const { id, done } = await askedBy(raw, gateway, 'softer?');
    house.writePolicy('high', policy('high').replaceAll('severity: high', 'severity: low'));
    const loads = async (): Promise<number> =>
      (await gateway.events()).filter(({ type }) => type === 'policy.loaded').length;
    const already = await loads();
    process.kill(gateway.pid, 'SIGHUP');
    await eventually('the softer policy', async () => ((await loads()) > already ? true : null));
    const first = raw.post(reply(true));
    await house.approve((await legOf(id)).id);
    await first;
    assert.match(textOf(await done), /"sure":true/);
    house.writePolicy('high', policy('high'));
  });
});

describe('Two gateways', { skip: skipWithoutBacking('postgres') }, () => {
  let backing: Awaited<ReturnType<typeof startBacking>>;
  let single: House;
  let a: GatewayProcess;
  let b: GatewayProcess;
  before(async () => {
    backing = await startBacking('postgres');
    single = house;
    house = await openHouse({
      servers: { high: { at: `url: "${upstream.url}"`, policy: policy('high') } },
      approval: '{ timeout: 10m, pickup: 1h }',
      databaseUrl: await backing.database(),
    });
    [b, a] = [await house.start(), await house.start()];
  });
  after(async () => {
    await house.close();
    house = single;
    await backing.stop();
  });
  const legAt = (at: GatewayProcess, id: string): ReturnType<typeof legOf> =>
    eventually('a leg', async () => (await at.approvals('pending')).find(({ answersTo }) => answersTo === id) ?? null);

  test('P1: a question from one, answered at the other, with a yes', async () => {
    const raw = await rawAgent(`${a.url}/mcp/high`);
    const { id, done } = await askedBy(raw, a, 'across?');
    raw.url = `${b.url}/mcp/high`;
    const open = raw.post(reply(true));
    const leg = await legAt(b, id);
    assert.equal((await a.approval(id)).state, 'dispatched');
    await house.approve(leg.id);
    assert.equal((await open).status, 202);
    assert.match(textOf(await done), /"sure":true/);
  });

  test('P4, P10: an answer whose process dies was not sent, and says so; it may be given again', async () => {
    const raw = await rawAgent(`${a.url}/mcp/high`);
    const { id, done } = await askedBy(raw, a, 'dies?');
    raw.url = `${b.url}/mcp/high`;
    const open = raw.post(reply(true)).catch(() => null);
    const leg = await legAt(b, id);
    await house.card(leg.id);
    await b.kill();
    assert.equal(await open, null);
    const says = /process that held this answer has stopped, so it was not sent/;
    assert.match((await a.reaches(leg.id, 'withdrawn', 60_000)).note ?? '', says);
    await house.card(leg.id, says);
    assert.equal((await a.approval(id)).state, 'dispatched');
    raw.url = `${a.url}/mcp/high`;
    const again = raw.post(reply(true));
    await house.approve((await legAt(a, id)).id);
    assert.equal((await again).status, 202);
    assert.match(textOf(await done), /"sure":true/);
  });
});
