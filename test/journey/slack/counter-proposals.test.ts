import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { runCommandLine } from '../../../src/cli/command-line.ts';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { keptTerminal } from '../../support/terminal.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key:
    action: require_approval
    deny_if: [{ path: args.role, op: eq, value: admin }]
    ask_if: []
`;

const SCHEMA = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 3, description: 'What it is *called*' },
    role: { enum: ['viewer', 'editor', 'admin'] },
    days: { type: 'integer', maximum: 30 },
    live: { type: 'boolean' },
    tags: { type: 'array', items: { type: 'string' } },
    filter: { type: 'object', properties: { site: { type: 'string' } } },
    token: { type: 'string' },
  },
  required: ['name'],
  additionalProperties: false,
};

/** A server that lists one tool with a schema, and keeps the arguments that it is called with. */
async function listingServer() {
  const calls: unknown[] = [];
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method !== 'POST') return void response.writeHead(request.method === 'DELETE' ? 200 : 405).end();
      const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString());
      if (id === undefined) return void response.writeHead(202).end();
      if (method === 'tools/call') calls.push(params.arguments);
      const result =
        method === 'initialize'
          ? {
              protocolVersion: params.protocolVersion,
              capabilities: { tools: {} },
              serverInfo: { name: 's', version: '1' },
            }
          : method === 'tools/list'
            ? { tools: [{ name: 'create_key', inputSchema: SCHEMA }] }
            : { content: [{ type: 'text', text: 'done' }] };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    calls,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('counter-proposals, as people make them', () => {
  let upstream: Awaited<ReturnType<typeof listingServer>>;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;

  before(async () => {
    upstream = await listingServer();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approvers: '[admin, U0MIRA, U0ALEX]',
      approval: '{ timeout: 10m, hold: { default: 400ms, progress: 30s } }',
    });
    gateway = await house.start();
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  const first = {
    name: 'ci-1',
    role: 'editor',
    days: 7,
    live: true,
    tags: ['a', 'b'],
    filter: { site: 'x' },
    token: 't0p-s3cret',
  };
  async function asked(args: Record<string, unknown>) {
    const sent = agent.call('create_key', args, { meta: { progressToken: 'p' } });
    const { id } = await gateway.pending('create_key', { name: args.name });
    return { id, answer: sent.answer };
  }
  async function form(user: string, id: string) {
    const { ts } = await house.card(id);
    await house.slack.click({ user, channel: CHANNEL, ts, actionId: 'counter' });
    return house.slack.waitFor(
      () => house.slack.openViews(user).find((each) => String(each.view.private_metadata).includes(id)) ?? null,
    );
  }

  // No list has passed through: the gateway asks the server itself.
  test('P10: the form has the schema’s fields with the call’s values, tells what is wrong at its field, and the new card says what was changed', async () => {
    const { id, answer } = await asked(first);
    const modal = await form('U0MIRA', id);
    const text = JSON.stringify(modal.view);
    const blocks = (
      modal.view as {
        blocks: { block_id?: string; element?: { initial_value?: string; initial_option?: { value: string } } }[];
      }
    ).blocks;
    const initial = (block: string) => {
      const element = blocks.find(({ block_id }) => block_id === block)?.element;
      return element?.initial_value ?? element?.initial_option?.value;
    };
    assert.deepEqual(
      [
        'counter.text.name',
        'counter.choice.role',
        'counter.integer.days',
        'counter.boolean.live',
        'counter.lines.tags',
      ].map(initial),
      ['ci-1', '"editor"', '7', 'true', 'a\nb'],
    );
    assert.deepEqual(JSON.parse(initial('counter_json')!), { filter: { site: 'x' } });
    assert.match(text, /Stays as it is.*`token`/);
    assert.doesNotMatch(text, /t0p-s3cret/);
    const submit = (values: Record<string, string>) =>
      house.slack.submitView({ user: 'U0MIRA', viewId: modal.id, values });
    const wrong = [
      { 'counter.text.name': 'x' },
      { 'counter.integer.days': '31' },
      { 'counter.integer.days': '2.5' },
      { 'counter.integer.days': '9007199254740993' },
      { counter_json: '{"filter":{"site":5}}' },
      { counter_json: '{"unknown":1}' },
      { counter_json: '{"token":"mine"}' },
      { counter_json: '[1]' },
      { 'counter.choice.role': '"admin"' },
    ];
    for (const values of wrong) {
      const answered = await submit(values);
      assert.equal(answered.handled, 'errors', JSON.stringify(values));
    }
    assert.equal((await gateway.approval(id)).state, 'pending');
    const taken = await submit({
      'counter.choice.role': '"viewer"',
      'counter.integer.days': '',
      'counter.lines.tags': 'a\nc',
      words: 'a viewer will do',
    });
    assert.match(taken.handled, /closed|cleared/);
    const told = await answer;
    const proposed = {
      name: 'ci-1',
      role: 'viewer',
      live: true,
      tags: ['a', 'c'],
      filter: { site: 'x' },
      token: 't0p-s3cret',
    };
    assert.deepEqual((told._meta!['holdfast/approval'] as unknown as { counter: unknown }).counter, proposed);
    const opened = (await gateway.approvals('approved'))[0]!;
    const card = JSON.stringify((await house.card(opened.id)).blocks);
    assert.match(card, /A counter-proposal by <@U0MIRA>/);
    assert.match(card, /role: \\"editor\\" → \\"viewer\\"|role: \\\\"editor/);
    assert.match(card, /days: 7 → \(not there\)/);
    assert.match(JSON.stringify((await house.card(id, /proposed instead/)).blocks), new RegExp(opened.id));
    assert.equal(textOf(await agent.call('create_key', proposed).answer), 'done');
    assert.deepEqual(upstream.calls, [proposed]);
    assert.doesNotMatch(house.slackTraffic(), /t0p-s3cret/);
  });

  test('P1: the owner may deny and not propose, and a stranger gets no form; neither decides anything', async () => {
    const { id, answer } = await asked({ name: 'ci-2', role: 'editor' });
    const { ts } = await house.card(id);
    for (const user of ['U0SAM', 'U0EVE']) {
      await house.slack.click({ user, channel: CHANNEL, ts, actionId: 'counter' });
      assert.deepEqual(house.slack.openViews(user), []);
    }
    assert.equal((await gateway.approval(id)).state, 'pending');
    const refusals = (await gateway.events(id)).filter(({ type }) => type === 'approval.refused');
    assert.equal(refusals[0]?.data.reason, 'counter_owner');
    await house.deny(id, 'no', 'U0SAM');
    await answer;
  });

  test('the command line proposes from a text or a file, and tells what is wrong', async () => {
    const { id, answer } = await asked({ name: 'ci-3', role: 'editor' });
    const run = async (...argv: string[]) => {
      const { terminal, out, err } = keptTerminal({ env: { HOLDFAST_ADMIN_TOKEN: house.adminToken } });
      const code = await runCommandLine([...argv, '--url', gateway.url], terminal);
      return { code, out: out(), err: err() };
    };
    const bad = await run('approvals', 'deny', id, '--counter', '{"name":"x","role":"viewer"}');
    assert.equal(bad.code, 2);
    assert.match(bad.err, /The tool does not take these arguments\. \(HTTP 400\)\n {2}name: Too small/);
    assert.equal((await run('approvals', 'deny', id, '--counter', '/nowhere/file.json')).code, 2);
    const good = await run('approvals', 'deny', id, '--counter', '{"name":"ci-3","role":"viewer"}');
    assert.match(good.out, /is now denied\.\nap_\w+ was opened for the call that you propose; it is approved\./);
    const opened = /(ap_\w+) was opened/.exec(good.out)![1]!;
    assert.match(
      (await run('approvals', 'show', opened)).out,
      /proposed by +admin, who denied ap_\w+ with it\nchanges +role: "editor" → "viewer"/,
    );
    await answer;
  });
});
