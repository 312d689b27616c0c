import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { type Json, type JsonObject, member } from '../../../src/domain/json/json.ts';
import { Agent } from '../../support/agent/agent.ts';
import { ModernAgent, WITH_TASKS } from '../../support/agent/modern.ts';
import { TaskAgent } from '../../support/agent/tasks.ts';
import { type ApiApproval, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type ErasUpstream, erasUpstream, saying } from '../../support/upstream/eras.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: allow
tools:
  create_key: { action: require_approval, severity: high, redact: none }
`;
/** Answers every request and writes each line that it reads to a file. */
const CHILD = `
const { appendFileSync } = require('node:fs');
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  appendFileSync(process.argv[2], line + '\\n');
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  const result = method === 'initialize'
    ? { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'c', version: '1' } }
    : { content: [{ type: 'text', text: 'done' }] };
  process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n');
});`;
/** Members that may be forwarded although nobody is shown them, by exact name (docs/security.md). */
const CLOSED = {
  params: ['name', 'arguments', '_meta', 'task'],
  meta: ['progressToken', 'traceparent', 'tracestate', 'io.modelcontextprotocol/protocolVersion'],
};
CLOSED.meta.push('io.modelcontextprotocol/logLevel');
/** Those of the headers, and what any HTTP client has to say. */
const HEADERS = [
  'accept',
  'content-type',
  'user-agent',
  'mcp-protocol-version',
  'mcp-method',
  'mcp-name',
  'traceparent',
];
HEADERS.push(
  'tracestate',
  'mcp-session-id',
  'host',
  'connection',
  'content-length',
  'accept-encoding',
  'transfer-encoding',
);

const value = fc.oneof(
  fc.constantFrom<Json>('drop', 30, true, null, { to: 'prod', n: [1, 'x'] }, [], 'debug', '2026-07-28', 'a=b'),
  fc.jsonValue({ maxDepth: 1 }).map((json) => JSON.parse(JSON.stringify(json)) as Json),
);
const members = (names: readonly string[]) =>
  fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 4 }).map((found) => ({ ...found }) as JsonObject);
const message = fc.record({
  args: members(['zone', 'limit', 'constructor', 'token_transfer', 'secretary', 'x.y']),
  params: members(['options', 'secureArguments', 'ttl', 'Arguments2', 'cursor']),
  meta: members(['acme.com/tenant', 'baggage', 'traceparent', 'io.modelcontextprotocol/x', 'tracestate', 'holdfast']),
  headers: fc.dictionary(
    fc.constantFrom('mcp-param-region', 'mcp-tenant', 'x-tenant', 'baggage', 'traceparent', 'cookie', 'forwarded'),
    fc.constantFrom('eu', 'a=b'),
  ),
});
type Message = typeof message extends fc.Arbitrary<infer T> ? T : never;
/** As many as a minute's openings allow, of every way in. */
const SAMPLES = fc.sample(message, { numRuns: 12, seed: Number(process.env.SEED ?? 15) });

interface Forwarded {
  readonly params: JsonObject;
  readonly headers: Readonly<Record<string, unknown>>;
}

describe('P1, P10: whatever way a gated call takes, what is forwarded is what was shown, and the closed list', () => {
  let folder: string;
  let upstream: ErasUpstream;
  let house: House;
  let gateway: GatewayProcess;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'shown-'));
    writeFileSync(join(folder, 'child.cjs'), CHILD);
    writeFileSync(join(folder, 'heard'), '');
    upstream = await erasUpstream();
    const command = JSON.stringify([process.execPath, join(folder, 'child.cjs'), join(folder, 'heard')]);
    house = await openHouse({
      servers: {
        tools: { at: `url: "${upstream.url}"`, policy: POLICY },
        local: { at: `command: ${command}`, policy: POLICY },
      },
      approval: '{ timeout: 10m, openings: 1000/minute, hold: { default: 30s, progress: 30s } }',
      slack: false,
    });
    gateway = await house.start();
  });
  after(async () => {
    await house.close();
    await upstream.close();
    rmSync(folder, { recursive: true });
  });

  const at = (server: string): string => `${gateway.url}/mcp/${server}`;
  const httpForwarded = (name: string): Forwarded[] =>
    upstream.calls.filter(({ args }) => args.name === name).map(({ params, headers }) => ({ params, headers }));
  const stdioForwarded = (name: string): Forwarded[] =>
    readFileSync(join(folder, 'heard'), 'utf8')
      .split('\n')
      .filter((line) => line.includes(JSON.stringify(name)))
      .map((line) => ({ params: (JSON.parse(line) as { params: JsonObject }).params, headers: {} }));
  async function approve(found: ApiApproval): Promise<ApiApproval> {
    const headers = { 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: '{"decision":"approve"}' };
    assert.equal((await gateway.api(`/api/approvals/${found.id}/decisions`, init)).status, 200);
    return found;
  }

  /** Every part of what arrived is in the approval, the same, or on the closed list; and so it is in its event. */
  async function check({ params, headers }: Forwarded, { id }: ApiApproval): Promise<void> {
    const approval = (await (await gateway.api(`/api/approvals/${id}`)).json()) as JsonObject;
    const event = (await gateway.events(id)).find(({ type }) => type === 'approval.requested')!.data;
    for (const shown of [approval, event]) {
      const sent = shown.sent as { params: JsonObject; meta: JsonObject; headers: JsonObject };
      assert.deepEqual(params.arguments, shown.arguments);
      const meta = (params._meta ?? {}) as JsonObject;
      assert.deepEqual(without(params, CLOSED.params, sent.params), sent.params);
      assert.deepEqual(without(meta, CLOSED.meta, sent.meta), sent.meta);
      const besides = Object.entries(headers).filter(([name]) => !HEADERS.includes(name));
      assert.deepEqual(Object.fromEntries(besides), headersOf(sent.headers, headers));
    }
  }
  /** Without members of the closed list, but with those of its names that are shown because of their shape. */
  const without = (object: JsonObject, names: readonly string[], shown: JsonObject): JsonObject =>
    Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name) || Object.hasOwn(shown, name)));
  /** A stdio server gets none. */
  const headersOf = (shown: JsonObject, arrived: Forwarded['headers']): JsonObject =>
    Object.keys(arrived).length === 0 ? {} : shown;

  type Way = (name: string, given: Message) => Promise<unknown>;
  const paramsOf = (name: string, { args, params }: Message): JsonObject => {
    return { ...params, name: 'create_key', arguments: { ...args, name } };
  };
  const ways: Record<string, { forwarded: (name: string) => Forwarded[]; way: () => Promise<Way> }> = {
    'a held stream': {
      forwarded: httpForwarded,
      way: async () => {
        const agent = await Agent.open(at('tools'), house.tokens.agent!);
        return async (name, given) => {
          const params = { ...paramsOf(name, given), _meta: given.meta };
          const body = { jsonrpc: '2.0', id: name, method: 'tools/call', params };
          return (await agent.post(JSON.stringify(body), { headers: given.headers })).text();
        };
      },
    },
    'a stdio server': {
      forwarded: stdioForwarded,
      way: async () => {
        const agent = await Agent.open(at('local'), house.tokens.agent!);
        return async (name, given) => {
          const params = { ...paramsOf(name, given), _meta: given.meta };
          const body = { jsonrpc: '2.0', id: name, method: 'tools/call', params };
          return (await agent.post(JSON.stringify(body), { headers: given.headers })).text();
        };
      },
    },
    'a call of 2026-07-28': {
      forwarded: httpForwarded,
      way: async () => {
        const agent = new ModernAgent(at('tools'), house.tokens.agent!);
        return (name, { meta, headers, ...given }) =>
          agent.send('tools/call', paramsOf(name, { ...given, meta, headers }), { meta, headers: agreeing(headers) });
      },
    },
    'a task of 2026-07-28': {
      forwarded: httpForwarded,
      way: async () => {
        const agent = new ModernAgent(at('tools'), house.tokens.agent!, WITH_TASKS);
        return (name, { meta, headers, ...given }) =>
          agent.send('tools/call', paramsOf(name, { ...given, meta, headers }), { meta, headers: agreeing(headers) });
      },
    },
    'a task of 2025-11-25': {
      forwarded: httpForwarded,
      way: async () => {
        const agent = await TaskAgent.open(at('tools'), house.tokens.agent!);
        return (name, given) =>
          agent.ask('tools/call', { ...paramsOf(name, given), _meta: given.meta, task: { ttl: 60_000 } });
      },
    },
  };
  /** The strict door wants parameter headers to repeat an argument. */
  const agreeing = ({ 'mcp-param-region': _, ...headers }: Message['headers']) => headers as Message['headers'];

  for (const [what, { forwarded, way }] of Object.entries(ways)) {
    test(what, async () => {
      const call = await way();
      let gated = 0;
      for (const [index, given] of SAMPLES.entries()) {
        const name = `${what} ${index}`;
        const answer = call(name, what === 'a stdio server' ? { ...given, headers: agreeing(given.headers) } : given);
        const first = await Promise.race([answer.then(JSON.stringify), gateway.pending('create_key', { name })]);
        // A header that contradicts the arguments is refused, and nothing is sent.
        const approval = typeof first === 'string' ? ((await pendingNow(name)) ?? null) : first;
        if (approval === null) {
          assert.match(String(first), /header/, `${JSON.stringify(given)}: ${first}`);
          continue;
        }
        gated += 1;
        await approve(approval);
        await answer;
        const [arrived] = await eventually('it is sent', async () => {
          const all = forwarded(name);
          return all.length > 0 ? all : null;
        });
        await check(arrived!, approval);
      }
      assert.ok(gated >= SAMPLES.length / 3, `${gated} were gated`);
    });
  }
  const pendingNow = async (name: string) =>
    (await gateway.approvals('pending')).find(({ arguments: args }) => args.name === name);

  test('a leg: the opener’s call and the answers, shown with it', async () => {
    upstream.behave = ({ params }) =>
      params.inputResponses === undefined
        ? { resultType: 'input_required', requestState: 'theirs', inputRequests: { who: { method: 'roots/list' } } }
        : saying('done');
    const agent = new ModernAgent(at('tools'), house.tokens.agent!);
    for (const [index, { args, params, meta }] of SAMPLES.slice(0, 6).entries()) {
      const name = `leg ${index}`;
      const sending = { ...params, name: 'create_key', arguments: { ...args, name } };
      const open = agent.send('tools/call', sending, { meta });
      const { id } = await approve(await gateway.pending('create_key', { name }));
      await open;
      const answers = { requestState: 'theirs', inputResponses: { who: { roots: [], note: params } } };
      const second = agent.send('tools/call', { ...sending, ...answers }, { meta });
      const leg = await eventually(
        'a leg',
        async () => (await gateway.approvals('pending')).find(({ answersTo }) => answersTo === id) ?? null,
      );
      await approve(leg);
      await second;
      const arrived = httpForwarded(name).at(-1)!;
      assert.deepEqual(member(arrived.params, 'inputResponses'), answers.inputResponses);
      await check(arrived, leg);
    }
  });
});
