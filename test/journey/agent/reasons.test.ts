import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Client as NewClient, StreamableHTTPClientTransport as NewTransport } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { JsonObject } from '../../../src/domain/json/json.ts';
import { Agent, callTool, textOf } from '../../support/agent/agent.ts';
import { ModernAgent, modernText } from '../../support/agent/modern.ts';
import { type ApiApproval, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type ErasUpstream, erasUpstream, saying } from '../../support/upstream/eras.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: allow
tools:
  create_key: { action: require_approval, approval: { justification: { argument: true } } }
  nothing: { action: require_approval, approval: { justification: { argument: true } } }
  own: { action: require_approval, approval: { justification: { argument: true } } }
  drop: { action: require_approval, approval: { justification: required } }
  asks: { action: require_approval, severity: high, approval: { justification: { argument: true } } }
  maybe:
    ask_if: [{ path: args.big, op: eq, value: true }]
    approval: { justification: { argument: true } }
`;
const TOOLS: readonly JsonObject[] = [
  { name: 'create_key', inputSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } },
  { name: 'nothing', description: 'Ünïcode', inputSchema: { type: 'object' } },
  { name: 'own', inputSchema: { type: 'object', properties: { holdfast_reason: { type: 'string' } } } },
  { name: 'drop', inputSchema: { type: 'object', properties: {} } },
  { name: 'maybe', inputSchema: { type: 'object', properties: { big: { type: 'boolean' } } } },
  { name: 'read', inputSchema: { type: 'object' } },
  { name: 'asks', inputSchema: { type: 'object' } },
];
const NEEDS = /^Waiting for approval: tools\.\w+ needs your reason first, and nobody has been asked yet/;
const FORMS = { capabilities: { elicitation: {} } };

describe('A policy that wants to know why', () => {
  let upstream: ErasUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  const clients: { close(): Promise<void> }[] = [];
  before(async () => {
    upstream = await erasUpstream();
    upstream.tools = TOOLS;
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, hold: { default: 20s, leg: 20s, beat: 200ms } }',
      slack: false,
    });
    gateway = await house.start();
    agent = await Agent.open(to(), house.tokens.agent!);
  });
  beforeEach(() => {
    upstream.behave = () => saying('done');
  });
  after(async () => {
    for (const client of clients) await client.close();
    await house.close();
    await upstream.close();
  });

  const to = (): string => `${gateway.url}/mcp/tools`;
  const modern = (capabilities: JsonObject = {}) => new ModernAgent(to(), house.tokens.agent!, capabilities);
  const approve = (id: string) => decide(id, 'approve');
  async function decide(id: string, decision: 'approve' | 'deny'): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ decision });
    const answer = await gateway.api(`/api/approvals/${id}/decisions`, { method: 'POST', body, headers });
    assert.equal(answer.status, 200, await answer.text());
  }
  /** Approves the call once it waits, and returns it as it was shown. */
  async function approvedWhenAsked(tool: string, args: JsonObject): Promise<ApiApproval> {
    const approval = await gateway.pending(tool, args);
    await approve(approval.id);
    return approval;
  }
  const all = async (tool: string): Promise<number> =>
    (await gateway.approvals()).filter((one) => one.tool === tool).length;
  async function listed(): Promise<string> {
    const response = await agent.post({ jsonrpc: '2.0', id: 'list', method: 'tools/list' });
    return response.text();
  }

  test('whose argument it is has to be known: before a list was seen the call is not made', async () => {
    const said = textOf(await agent.call('maybe', { holdfast_reason: 'x' }).answer);
    assert.match(said, /^Cannot decide: whether holdfast_reason is an argument of the tool itself is not known/);
    assert.match(said, /Ask for the list of tools/);
    assert.equal(upstream.count('maybe'), 0);
  });

  test('the list of tools offers the argument where policy says so, and nothing else of it changes', async () => {
    const { tools } = (JSON.parse(await listed()) as { result: { tools: JsonObject[] } }).result;
    const offers = tools.filter((tool) => JSON.stringify(tool).includes('holdfast_reason')).map(({ name }) => name);
    assert.deepEqual(offers, ['create_key', 'nothing', 'own', 'maybe', 'asks']);
    const bare = tools.map(({ name, ...tool }) => {
      if (name === 'own') return { name, ...tool };
      const { holdfast_reason: _, ...properties } = ((tool.inputSchema as JsonObject).properties ?? {}) as JsonObject;
      const had = TOOLS.find((one) => one.name === name)!.inputSchema as JsonObject;
      return { name, ...tool, inputSchema: { ...had, ...(had.properties ? { properties } : {}) } };
    });
    assert.deepEqual(bare, TOOLS);
  });

  test('P1: without a reason nobody is asked and nothing is sent, however empty it is', async () => {
    const tries: [JsonObject, JsonObject][] = [
      [{ name: 'a' }, {}],
      [{ name: 'a', holdfast_reason: '' }, {}],
      [{ name: 'a', holdfast_reason: ' \u200b\u3164.…' }, {}],
      [{ name: 'a', holdfast_reason: 7 }, {}],
      [{ name: 'a' }, { 'holdfast/reason': '   ' }],
    ];
    for (const [args, meta] of tries) {
      const answer = await agent.call('create_key', args, { meta }).answer;
      assert.equal(answer.isError, true);
      assert.match(textOf(answer), NEEDS, JSON.stringify([args, meta]));
      assert.match(textOf(answer), /in the argument holdfast_reason \(or in params\._meta\["holdfast\/reason"\]\)/);
    }
    assert.match(textOf(await agent.call('drop', {}).answer), /say in params\._meta\["holdfast\/reason"\] why/);
    assert.deepEqual([await all('create_key'), await all('drop'), upstream.count('create_key')], [0, 0, 0]);
    const refused = (await gateway.events()).filter(({ type }) => type === 'call.refused');
    assert.ok(refused.some(({ data }) => data.reason === 'the agent does not say why it calls'));
  });

  test('P1: the argument is a claim: shown as the agent’s, no part of the call, and never sent', async () => {
    const said = 'Mira asked for it.';
    const first = agent.call('create_key', { holdfast_reason: said, name: 'b' });
    const shown = await gateway.pending('create_key', { name: 'b' });
    assert.equal(shown.statedReason, said);
    const again = agent.call('create_key', { name: 'b', holdfast_reason: 'In other words.' });
    await eventually('the second claim is added', async () => {
      const { laterReasons } = await gateway.approval(shown.id);
      return laterReasons.includes('In other words.') || null;
    });
    const without = agent.call('create_key', { name: 'b' });
    await eventually('three wait', async () => ((await gateway.approval(shown.id)).callers === 3 ? true : null));
    await approve(shown.id);
    for (const { answer } of [first, again, without]) assert.equal(textOf(await answer), 'done');
    assert.equal(await all('create_key'), 1);
    const [sent, ...more] = upstream.calls.filter(({ args }) => args.name === 'b');
    assert.deepEqual([sent!.args, more.length], [{ name: 'b' }, 0]);
    assert.equal(/reason|Mira/.test(sent!.text), false, sent!.text);
    assert.equal((await gateway.approval(shown.id)).statedReason, said);
  });

  test('a tool whose own schema has the argument keeps it', async () => {
    const args = { holdfast_reason: 'mine' };
    assert.match(textOf(await agent.call('own', args).answer), NEEDS);
    const done = agent.call('own', args, { meta: { 'holdfast/reason': 'why' } });
    assert.equal((await approvedWhenAsked('own', args)).statedReason, 'why');
    assert.equal(textOf(await done.answer), 'done');
    assert.equal(upstream.count('own', args), 1);
  });

  test('of a call that is allowed the argument is taken out as well, and its header', async () => {
    const args = { big: false, holdfast_reason: 'just so' };
    const headers = { 'mcp-param-holdfast-reason': 'just so', 'mcp-param-big': 'false' };
    const sent = await modern().send('tools/call', { name: 'maybe', arguments: args }, { headers });
    assert.equal(modernText(sent), 'done');
    const call = upstream.calls.findLast(({ tool }) => tool === 'maybe')!;
    assert.deepEqual(call.args, { big: false });
    assert.deepEqual(
      [call.headers['mcp-param-holdfast-reason'], call.headers['mcp-param-big'], /just so/.test(call.text)],
      [undefined, 'false', false],
    );
  });

  test('where policy offers no argument, one of that name is the call’s like any other', async () => {
    const args = { holdfast_reason: 'because' };
    assert.match(textOf(await agent.call('drop', args).answer), NEEDS);
    assert.equal(textOf(await agent.call('read', args).answer), 'done');
    assert.equal(upstream.count('read', args), 1);
  });

  test('P10: a reason in the argument is shown with an answer to what the server asked, and never sent', async () => {
    upstream.behave = ({ params }) =>
      params.inputResponses === undefined
        ? {
            resultType: 'input_required',
            requestState: 'theirs',
            inputRequests: { who: { method: 'elicitation/create', params: { message: 'Really?' } } },
          }
        : saying('gone on');
    const caller = modern();
    const first = caller.call('asks', { n: 1, holdfast_reason: 'It is asked for.' });
    const { id } = await approvedWhenAsked('asks', { n: 1 });
    assert.equal((await first).result?.requestState, 'theirs');
    const answers = { requestState: 'theirs', inputResponses: { who: { action: 'accept', content: {} } } };
    const second = caller.call('asks', { n: 1, holdfast_reason: 'Mira says so.' }, answers);
    const leg = await eventually('its answer waits', async () => {
      const pending = await gateway.approvals('pending');
      return pending.find(({ answersTo }) => answersTo === id) ?? null;
    });
    assert.equal(leg.statedReason, 'Mira says so.');
    await approve(leg.id);
    assert.equal(modernText(await second), 'gone on');
    assert.equal(
      upstream.messages.some((text) => /Mira says so|It is asked for/.test(text)),
      false,
    );
  });

  describe('a modern caller that answers forms', () => {
    const ELICITS = { elicitation: {} };
    const form = (result: JsonObject | undefined) => {
      assert.equal(result?.resultType, 'input_required', JSON.stringify(result));
      return { asked: JSON.stringify(result.inputRequests), requestState: String(result.requestState) };
    };
    const accepted = (reason: string) => ({
      inputResponses: { holdfast_reason: { action: 'accept', content: { reason } } },
    });

    test('P1: is asked in one, and what it answers is the claim and never sent', async () => {
      const caller = modern(ELICITS);
      const { asked, requestState } = form((await caller.call('drop', { id: 1 })).result);
      assert.match(asked, /"method":"elicitation\/create".*Why should tools\.drop be called\?/);
      assert.equal(await all('drop'), 0);
      const done = caller.call('drop', { id: 1 }, { requestState, ...accepted('The form says so.') });
      assert.equal((await approvedWhenAsked('drop', { id: 1 })).statedReason, 'The form says so.');
      assert.equal(modernText(await done), 'done');
      const call = upstream.calls.findLast(({ tool }) => tool === 'drop')!;
      assert.deepEqual([call.params.inputResponses, call.params.requestState], [undefined, undefined]);
      assert.equal(call.text.includes('The form says so'), false);
    });

    test('a form that is declined, or comes back empty, asks nobody and is not shown again', async () => {
      const caller = modern(ELICITS);
      const { requestState } = form((await caller.call('drop', { id: 2 })).result);
      const declined = { requestState, inputResponses: { holdfast_reason: { action: 'decline' } } };
      const said = modernText(await caller.call('drop', { id: 2 }, declined));
      assert.match(said, NEEDS);
      assert.match(said, /; the form that asks for it was declined\.\n/);
      const empty = modernText(await caller.call('drop', { id: 2 }, { requestState, ...accepted(' \u2060 ') }));
      assert.match(empty, /came back without one/);
      assert.equal((await gateway.approvals()).filter(({ arguments: args }) => args.id === 2).length, 0);
    });

    test('a state that was made for another call, or made up, is refused', async () => {
      const caller = modern(ELICITS);
      const { requestState } = form((await caller.call('drop', { id: 3 })).result);
      const other = await caller.call('drop', { id: 4 }, { requestState, ...accepted('x') });
      assert.match(other.error!.message, /was not issued for this call/);
      const madeUp = { requestState: 'holdfast.reason.AAAA', ...accepted('x') };
      assert.equal((await caller.call('drop', { id: 3 }, madeUp)).status, 400);
      const more = { requestState, inputResponses: { ...accepted('x').inputResponses, other: {} } };
      assert.equal((await caller.call('drop', { id: 3 }, more)).status, 400);
      assert.equal((await gateway.approvals()).filter(({ arguments: args }) => Number(args.id) > 2).length, 0);
    });

    test('one that states no such capability is told in words', async () => {
      assert.match(modernText(await modern().call('drop', { id: 5 })), NEEDS);
      assert.match(modernText(await modern({ elicitation: { url: {} } }).call('drop', { id: 5 })), NEEDS);
    });
  });

  describe('real clients', () => {
    type AnyClient = Pick<Client, 'callTool' | 'close' | 'listTools'>;
    type Elicited = { message: string };
    const requestInit = () => ({ headers: { authorization: `Bearer ${house.tokens.agent}` } });
    const CLIENTS: Readonly<Record<string, (say: (asked: Elicited) => unknown) => Promise<AnyClient>>> = {
      'SDK v1': async (say) => {
        const client = new Client({ name: 'old', version: '1' }, FORMS);
        client.setRequestHandler(ElicitRequestSchema, ({ params }) => say(params) as never);
        await client.connect(new StreamableHTTPClientTransport(new URL(to()), { requestInit: requestInit() }) as never);
        return client;
      },
      'SDK v2': (say) => newClient(say, {}),
      'SDK v2, newest revision': (say) => newClient(say, { versionNegotiation: { mode: 'auto' } }),
    };
    async function newClient(say: (asked: Elicited) => unknown, more: object): Promise<AnyClient> {
      const client = new NewClient({ name: 'new', version: '1' }, { ...FORMS, ...more });
      client.setRequestHandler('elicitation/create', ({ params }) => say(params as Elicited) as never);
      await client.connect(new NewTransport(new URL(to()), { requestInit: requestInit() }));
      return client as never;
    }

    for (const [name, connect] of Object.entries(CLIENTS)) {
      test(`${name} is asked in a form, and in the argument`, async () => {
        const seen: string[] = [];
        const client = await connect(({ message }) => {
          seen.push(message);
          return { action: 'accept', content: { reason: `says ${name}` } };
        });
        clients.push(client);
        const done = callTool(client as Client, 'drop', { by: name });
        assert.equal((await approvedWhenAsked('drop', { by: name })).statedReason, `says ${name}`);
        assert.equal(textOf(await done), 'done');
        assert.match(seen.join(), /^Why should tools\.drop be called\?[^,]*$/);
        assert.equal(upstream.count('drop', { by: name }), 1);

        const tools = (await client.listTools()).tools;
        assert.ok(Object.hasOwn(tools[0]!.inputSchema.properties ?? {}, 'holdfast_reason'));
        const named = callTool(client as Client, 'create_key', { name, holdfast_reason: 'in words' });
        assert.equal((await approvedWhenAsked('create_key', { name })).statedReason, 'in words');
        assert.equal(textOf(await named), 'done');
        assert.equal(seen.length, 1, 'a call that says why is not asked');
      });

      test(`${name}: a person who declines the form ends the call with words for the model`, async () => {
        const client = await connect(() => ({ action: 'decline' }));
        clients.push(client);
        const said = textOf(await callTool(client as Client, 'drop', { declines: name }));
        assert.match(said, NEEDS);
        assert.match(said, /was declined/);
        assert.equal(upstream.count('drop', { declines: name }), 0);
      });
    }
  });

  test('an answer to a form that nobody asked in this session is refused, and never reaches the server', async () => {
    const before = upstream.messages.length;
    const message = { jsonrpc: '2.0', id: 'holdfast.reason.AAAA', result: { action: 'accept', content: {} } };
    const answer = await agent.post(message);
    assert.equal(answer.status, 400, await answer.text());
    const batch = await agent.post([
      { jsonrpc: '2.0', method: 'notifications/progress', params: {} },
      message,
    ] as never);
    assert.equal(batch.status, 400, await batch.text());
    assert.equal(upstream.messages.length, before);
  });

  test('a call that is called off while its client is asked leaves nothing behind', async () => {
    const forms = await FormAgent.open(to(), house.tokens.agent!);
    const call = forms.call('drop', { leaves: true });
    await eventually('it is asked', () => call.messages.find(({ method }) => method === 'elicitation/create') ?? null);
    const { id } = call.messages.find(({ method }) => method === 'elicitation/create')!;
    assert.equal(await forms.cancel(call.id), 202);
    const late = { jsonrpc: '2.0', id, result: { action: 'accept', content: { reason: 'late' } } };
    assert.equal((await forms.post(late)).status, 202);
    assert.equal((await gateway.approvals()).filter(({ arguments: args }) => args.leaves === true).length, 0);
    await assert.rejects(call.answer, /ended without an answer/);
    assert.equal(
      upstream.messages.some((text) => text.includes('notifications/cancelled')),
      false,
    );
    const other = await Agent.open(to(), house.tokens.agent!);
    assert.equal((await other.post(late)).status, 400, 'another session may not answer');
  });
});

/** An agent by hand whose client says that it answers forms. */
class FormAgent extends Agent {
  static override async open(url: string, token: string): Promise<FormAgent> {
    const agent = new FormAgent(url, token);
    const response = await agent.post({
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-06-18', ...FORMS, clientInfo: { name: 'forms', version: '1' } },
    });
    await response.text();
    agent.session = response.headers.get('mcp-session-id');
    return agent;
  }
}
