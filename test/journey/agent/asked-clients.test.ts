import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client as NewClient, StreamableHTTPClientTransport as NewTransport } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { type Fixture, startFixture } from '../../conformance/fixture/fixture.ts';
import { callTool, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type SdkUpstream, sdkUpstream } from '../../support/upstream/sdk.ts';
import { eventually } from '../../support/wait.ts';

const PROGRAM = fileURLToPath(new URL('../../support/upstream/sdk-stdio.ts', import.meta.url));
const CAPABILITIES = { elicitation: {}, sampling: {}, roots: {} };
const SAID = { action: 'accept', content: { sure: true, name: 'Mira', color: 'blue' } } as const;
const SAMPLED = { role: 'assistant', content: { type: 'text', text: 'Paris' }, model: 'm' } as const;
const ROOTS = { roots: [{ uri: 'file:///home/mira', name: 'home' }] };

type AnyClient = Pick<Client, 'callTool' | 'close'>;

let upstream: SdkUpstream;
let fixture: Fixture;
let house: House;
let gateway: GatewayProcess;
const clients: AnyClient[] = [];

const policy = (answers: string): string => `version: "1"
default: require_approval
all_tools: { approval: { answers: ${answers} } }
`;

before(async () => {
  [upstream, fixture] = await Promise.all([sdkUpstream(), startFixture()]);
  const places = {
    http: `url: "${upstream.url}"`,
    stdio: `command: ["${process.execPath}", "${PROGRAM}"]`,
    newest: `url: "${fixture.url}"`,
  };
  const servers = Object.entries(places).flatMap(([name, at]) =>
    ['ask', 'allow'].map((answers) => [`${name}-${answers}`, { at, policy: policy(answers) }] as const),
  );
  house = await openHouse({ servers: Object.fromEntries(servers), approval: '{ timeout: 10m, hold: { leg: 30s } }' });
  gateway = await house.start();
});
after(async () => {
  for (const client of clients) await client.close();
  await house.close();
  await upstream[Symbol.asyncDispose]();
  await fixture.close();
});

const to = (server: string): URL => new URL(`${gateway.url}/mcp/${server}`);
const requestInit = () => ({ headers: { authorization: `Bearer ${house.tokens.agent}` } });

const CLIENTS: Readonly<Record<string, (server: string) => Promise<AnyClient>>> = {
  'SDK v1': async (server) => {
    const client = new Client({ name: 'old', version: '1' }, { capabilities: CAPABILITIES });
    client.setRequestHandler(ElicitRequestSchema, () => SAID as never);
    client.setRequestHandler(CreateMessageRequestSchema, () => SAMPLED as never);
    client.setRequestHandler(ListRootsRequestSchema, () => ROOTS);
    await client.connect(new StreamableHTTPClientTransport(to(server), { requestInit: requestInit() }) as never);
    return client;
  },
  'SDK v2': (server) => newClient(server, {}),
  'SDK v2, newest revision': (server) => newClient(server, { versionNegotiation: { mode: 'auto' } }),
};

async function newClient(server: string, more: object): Promise<AnyClient> {
  const client = new NewClient({ name: 'new', version: '1' }, { capabilities: CAPABILITIES, ...more });
  client.setRequestHandler('elicitation/create', () => SAID as never);
  client.setRequestHandler('sampling/createMessage', () => SAMPLED as never);
  client.setRequestHandler('roots/list', () => ROOTS);
  await client.connect(new NewTransport(to(server), { requestInit: requestInit() }));
  return client as never;
}

/** Makes an approved call, gives each of its answers a yes where it needs one, and returns what the tool says. */
async function asked(
  connect: (server: string) => Promise<AnyClient>,
  server: string,
  tool: string,
  legs: readonly RegExp[],
): Promise<string> {
  const client = await connect(server);
  clients.push(client);
  const question = `${server} ${tool} ${clients.length}`;
  const done = callTool(client as Client, tool, { question });
  const { id } = await gateway.pending(tool, { question });
  await house.approve(id);
  const seen = new Set<string>();
  for (const says of server.endsWith('ask') ? legs : []) {
    const leg = await eventually('a leg', async () => {
      const pending = await gateway.approvals('pending');
      return pending.find((one) => one.answersTo === id && !seen.has(one.id)) ?? null;
    });
    seen.add(leg.id);
    assert.match(JSON.stringify(leg.sent.params), says);
    await house.approve(leg.id);
  }
  const said = textOf(await done);
  await gateway.reaches(id, 'succeeded');
  const given = (await gateway.events(id)).filter(({ type }) => type === 'answer.given');
  assert.equal(given.length, legs.length, 'each answer is in the log');
  for (const [index, says] of legs.entries()) assert.match(JSON.stringify(given[index]!.data.answers), says);
  assert.equal(
    (await gateway.approvals()).filter((one) => one.answersTo === id).length,
    server.endsWith('ask') ? legs.length : 0,
  );
  return said;
}

const LEGACY: readonly (readonly [string, RegExp])[] = [
  ['ask', /Mira/],
  ['ask_apart', /Mira/],
  ['sample', /Paris/],
  ['roots', /home\/mira/],
];

const NEWEST: readonly (readonly [string, readonly RegExp[], RegExp])[] = [
  ['test_input_required_result_elicitation', [/Mira/], /Hello, Mira/],
  ['test_input_required_result_sampling', [/Paris/], /sampled .*Paris/],
  ['test_input_required_result_list_roots', [/home\/mira/], /roots .*home/],
  ['test_input_required_result_request_state', [/accept/], /state-ok/],
  ['test_input_required_result_multiple_inputs', [/Mira.*Paris|Paris.*Mira/], /all three/],
  ['test_input_required_result_multi_round', [/Mira/, /blue/], /both steps/],
];

describe('P1, P9: What real clients answer to what servers ask during approved calls', () => {
  for (const mode of ['ask', 'allow']) {
    for (const name of ['SDK v1', 'SDK v2']) {
      for (const place of ['http', 'stdio']) {
        for (const [tool, says] of LEGACY) {
          test(`${name}, ${place}, answers: ${mode}, ${tool}`, async () => {
            assert.match(await asked(CLIENTS[name]!, `${place}-${mode}`, tool, [says]), says);
          });
        }
      }
    }
    for (const [tool, legs, says] of NEWEST) {
      test(`SDK v2, newest revision, answers: ${mode}, ${tool}`, async () => {
        assert.match(await asked(CLIENTS['SDK v2, newest revision']!, `newest-${mode}`, tool, legs), says);
      });
    }
  }
});
