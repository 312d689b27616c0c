import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { approvalsShowCommand } from '../../../src/cli/approvals/show.ts';
import { Agent } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { keptTerminal } from '../../support/terminal.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key: { action: require_approval }
`;

describe('what a person is shown of a call', () => {
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  before(async () => {
    upstream = await countingUpstream();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, hold: { default: 30s, progress: 30s } }',
    });
    gateway = await house.start();
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  const calling = (args: string, meta = '{}') =>
    `{"jsonrpc":"2.0","id":"${crypto.randomUUID()}","method":"tools/call","params":{"name":"create_key","arguments":${args},"_meta":${meta}}}`;

  /** `approvals show` */
  async function show(id: string): Promise<string> {
    const { terminal, out } = keptTerminal({ env: { HOLDFAST_ADMIN_TOKEN: house.adminToken } });
    assert.equal(await approvalsShowCommand({ id, url: gateway.url, json: false }, terminal), 0);
    return out();
  }

  /** What the gateway answers to these bytes: the status line. */
  function raw(lines: readonly string[], body: string): Promise<string> {
    const { hostname, port } = new URL(gateway.url);
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname, () =>
        socket.write(
          `${[...lines, `content-length: ${Buffer.byteLength(body)}`, 'connection: close'].join('\r\n')}\r\n\r\n${body}`,
        ),
      );
      let said = '';
      socket.on('data', (chunk) => (said += chunk));
      socket.on('error', reject);
      socket.on('close', () => resolve(said));
    });
  }

  test('P10: members that every object inherits are shown, logged and sent like any others', async () => {
    const args = '{"name":"own","__proto__":{"to":"production"},"constructor":{"prototype":{"x":1}},"toString":"s"}';
    const answer = agent.post(calling(args));
    const { id } = await gateway.pending('create_key', { name: 'own' });
    const text = await (await gateway.api(`/api/approvals/${id}`)).text();
    const shown = JSON.parse(text, (_, value) => value) as { arguments: object };
    assert.equal(
      JSON.stringify(Object.entries(shown.arguments).sort()),
      JSON.stringify(Object.entries(JSON.parse(args)).sort()),
    );
    const requested = (await gateway.events(id)).find((event) => event.type === 'approval.requested');
    assert.match(JSON.stringify(requested), /"__proto__":\{"to":"production"\}/);
    const card = JSON.stringify((await house.card(id)).blocks);
    for (const part of ['__proto__', 'production', 'constructor', 'toString']) {
      assert.ok(card.includes(part), `card: ${part}`);
      assert.ok((await show(id)).includes(part), `show: ${part}`);
    }
    await house.approve(id);
    await (await answer).text();
    const sent = upstream.calls.find((call) => call.args.name === 'own')!.args;
    assert.equal(JSON.stringify(sent), JSON.stringify(JSON.parse(args)));
  });

  test('P10: NUL is shown wherever it stands, and inherited names are members of params and _meta too', async () => {
    const body = calling(
      '{"name":"nul","a":"x\\u0000y"}',
      '{"n\\u0000":"z\\u0000","__proto__":{"to":"prod"},"constructor":1}',
    );
    const answer = agent.post(body.replace('"params":{', '"params":{"__proto__":{"db":"main"},"b":1,"a":2,'));
    const { id } = await gateway.pending('create_key', { name: 'nul' });
    const shown = await show(id);
    const rows = [
      'params.__proto__.db: "main"\n             params.b: 1\n             params.a: 2',
      'meta["n\\u0000"]: "z\\u0000"',
      'meta.__proto__.to: "prod"',
      'meta.constructor: 1',
      '"a": "x\\u0000y"',
    ];
    for (const row of rows) assert.ok(shown.includes(row), `${row}\n${shown}`);
    const card = JSON.stringify((await house.card(id)).blocks);
    assert.ok(card.includes('params.__proto__.db') && card.includes('meta.__proto__.to'));
    await house.approve(id);
    await (await answer).text();
    assert.equal(upstream.calls.filter((call) => call.args.name === 'nul').length, 1);
  });

  test('P1: another __proto__ is another call', async () => {
    const answers = ['{"name":"p","__proto__":1}', '{"name":"p","__proto__":2}', '{"name":"p"}'].map((args) =>
      agent.post(calling(args)),
    );
    const pending = await eventually('three approvals', async () => {
      const all = (await gateway.approvals('pending')).filter((one) => one.arguments.name === 'p');
      return all.length === 3 ? all : null;
    });
    assert.equal(new Set(pending.map((one) => one.fingerprint)).size, 3);
    for (const { id } of pending) await house.deny(id);
    await Promise.all(answers.map(async (answer) => (await answer).text()));
  });

  test('P10: what is sent besides the arguments is on the card, in the API and in `approvals show`', async () => {
    const body = calling('{"name":"more","zone":"eu"}', '{"acme.com/tenant":"north\\u202e","holdfast/reason":"why"}');
    const answer = agent.post(body.replace('"params":{', '"params":{"options":{"force":true},'), {
      headers: { 'mcp-param-region': 'eu' },
    });
    const { id } = await gateway.pending('create_key', { name: 'more', zone: 'eu' });
    const rows = [
      'params.options.force: true',
      'meta["acme.com/tenant"]: "north\\u202e"',
      'header mcp-param-region: "eu"',
    ];
    const card = await house.card(id);
    assert.ok(
      JSON.stringify(card.blocks).includes(JSON.stringify(rows.join('\n')).slice(1, -1)),
      JSON.stringify(card.blocks),
    );
    assert.match(JSON.stringify(card.blocks), /Also sent/);
    const shown = await show(id);
    for (const row of rows) assert.ok(shown.includes(row), `${row}\n${shown}`);
    assert.doesNotMatch(shown, /holdfast\/reason/);
    await house.approve(id);
    await (await answer).text();
    assert.equal(upstream.count('create_key', { name: 'more', zone: 'eu' }), 1);
  });

  test('P10: a caller who joins with another reason adds it, and the card says so', async () => {
    const args = '{"name":"twice"}';
    const first = agent.post(calling(args, '{"holdfast/reason":"the key leaked"}'));
    const { id } = await gateway.pending('create_key', { name: 'twice' });
    const others = ['the key leaked', 'lunch is late\\u200b', 'lunch is late\\u200b'].map((reason) =>
      agent.post(calling(args, `{"holdfast/reason":"${reason}"}`)),
    );
    await eventually('four wait', async () => ((await gateway.approval(id)).callers === 4 ? true : null));
    const approval = await gateway.approval(id);
    assert.equal(approval.statedReason, 'the key leaked');
    assert.deepEqual(approval.laterReasons, ['lunch is late\u200b']);
    const card = JSON.stringify((await house.card(id, /Another caller says/)).blocks);
    assert.match(
      card,
      /The agent says \(unverified\).*the key leaked.*Another caller says \(unverified\).*lunch is late\\\\u200b/,
    );
    const joined = (await gateway.events(id)).filter((event) => event.type === 'approval.joined');
    assert.deepEqual(joined.map((event) => event.data.statedReason).sort(), [
      'lunch is late\u200b',
      'lunch is late\u200b',
      'the key leaked',
    ]);
    assert.match(
      await show(id),
      /agent says +\(unverified\)\n +the key leaked\nanother says \(unverified\)\n +lunch is late\\u200b/,
    );
    await house.deny(id);
    await Promise.all([first, ...others].map(async (answer) => (await answer).text()));
  });

  test('P10: a reason that is too long is cut with a mark, and one that hides its end is shown to its end', async () => {
    const long = agent.post(calling('{"name":"long"}', `{"holdfast/reason":"${'x'.repeat(5_234)}"}`));
    const hiding = agent.post(
      calling('{"name":"hiding"}', `{"holdfast/reason":"${'\\u200b'.repeat(600)}drop everything"}`),
    );
    const [one, two] = [
      await gateway.pending('create_key', { name: 'long' }),
      await gateway.pending('create_key', { name: 'hiding' }),
    ];
    assert.equal((await gateway.approval(one.id)).statedReason, `${'x'.repeat(4_000)}… (cut, 1,234 more characters)`);
    await house.card(two.id);
    const { ts } = await house.card(two.id);
    await house.slack.click({ user: 'U0MIRA', channel: 'C0APPROVALS', ts, actionId: 'review' });
    const view = await house.slack.waitFor(() => house.slack.openViews('U0MIRA')[0] ?? null, 20_000);
    assert.match(JSON.stringify(view), /drop everything/);
    for (const { id } of [one, two]) await house.deny(id);
    await Promise.all([long, hiding].map(async (answer) => (await answer).text()));
  });

  test('a tool whose name only looks like one is logged by the codes of its letters', async () => {
    const body = calling('{}').replace('create_key', 'cre\uff41te_key\u202e');
    assert.match(await (await agent.post(body)).text(), /Policy violation/);
    const denied = await eventually(
      'it is logged',
      async () => (await gateway.events()).find((event) => JSON.stringify(event).includes('uff41')) ?? null,
    );
    assert.equal((denied as unknown as { tool: string }).tool, 'cre\\uff41te_key\\u202e');
  });

  test('a request line that names another address than Host is refused, one that names ours is not', async () => {
    const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
    const { host } = new URL(gateway.url);
    const headers = [
      `host: ${host}`,
      `authorization: Bearer ${house.tokens.agent}`,
      'content-type: application/json',
      'accept: application/json, text/event-stream',
      `mcp-session-id: ${agent.session}`,
    ];
    for (const target of [
      'http://evil.example/mcp/tools',
      `http://${host}@evil.example/mcp/tools`,
      `http://x@${host}/mcp/tools`,
      'evil.example:80',
    ]) {
      const said = await raw([`POST ${target} HTTP/1.1`, ...headers], ping);
      assert.match(said, /^HTTP\/1\.1 400 /, target);
    }
    assert.match(
      await raw([`POST http://evil.example/mcp/tools HTTP/1.1`, ...headers], ping),
      /names another address than the Host header/,
    );
    for (const target of [`http://${host}/mcp/tools`, '/mcp/tools']) {
      assert.match(await raw([`POST ${target} HTTP/1.1`, ...headers], ping), /^HTTP\/1\.1 200 /, target);
    }
  });
});
