import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Agent } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { RAW_CHILD } from '../../support/stdio/world.ts';
import { type RecordingUpstream, recordingUpstream } from '../../support/upstream/recording.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  plain: { limits: [{ counter: calls, window: month, max: 1000 }] }
  transfer: { ask_if: [{ path: args.amount, op: gt, value: 30 }] }
  listed: { require: [{ path: args.id, op: in, value: [1, 9007199254740992] }] }
  excluded: { deny_if: [{ path: "args.ids[*]", op: eq, value: 9007199254740992 }] }
  tagged: { require: [{ path: args.tags, op: contains, value: 30 }] }
  tenanted: { require: [{ path: 'meta["acme.com/tenant"]', op: in, value: [7] }] }
  charge: { limits: [{ counter: charges, window: month, max: 1000, by: args.amount }] }
  gated: { action: require_approval }
`;

/** A message by its text: numbers stand in it as they are written here. */
const callText = (tool: string, args: string, { id = '1', meta = '' } = {}): string =>
  `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${tool}","arguments":${args}${meta === '' ? '' : `,"_meta":${meta}`}}}`;

describe('numbers that two readers see differently', () => {
  let http: RecordingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  const agents: Record<string, Agent> = {};

  before(async () => {
    http = await recordingUpstream();
    http.script = ({ body }, response) => {
      const message = body.length > 0 ? (JSON.parse(body.toString()) as { id?: unknown; method?: string }) : {};
      if (message.id === undefined) return void response.writeHead(202).end();
      const result =
        message.method === 'initialize'
          ? { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: { name: 'raw', version: '1' } }
          : { content: [{ type: 'text', text: 'done' }] };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
    };
    house = await openHouse({
      servers: {
        http: { at: `url: "${http.url}"`, policy: POLICY },
        stdio: { at: `command: ["${process.execPath}", "${RAW_CHILD}"]`, policy: POLICY },
      },
      approval: '{ timeout: 10m, hold: { leg: 400ms } }',
    });
    gateway = await house.start();
    for (const server of ['http', 'stdio']) {
      agents[server] = await Agent.open(`${gateway.url}/mcp/${server}`, house.tokens.agent!);
    }
  });
  after(async () => {
    await house?.close();
    await http[Symbol.asyncDispose]();
  });

  /** The tool calls that the server has read, as it read them. */
  async function heardBy(server: string): Promise<string[]> {
    if (server === 'http')
      return http.requests.map(({ body }) => body.toString()).filter((body) => body.includes('tools/call'));
    const answer = await (await agents.stdio!.post(callText('plain', '{"asks":"what was heard"}'))).text();
    const lines = JSON.parse(/\{"jsonrpc".*\}/.exec(answer)![0]).result.content[0].text as string;
    const heard = (JSON.parse(lines) as string[]).map((line) => Buffer.from(line, 'base64').toString());
    return heard.filter((line) => line.includes('tools/call') && !line.includes('what was heard'));
  }

  async function textOf(server: string, body: string): Promise<string> {
    const answer = await (await agents[server]!.post(body)).text();
    return JSON.parse(/\{"jsonrpc".*\}/.exec(answer)![0]).result.content[0].text as string;
  }

  for (const server of ['http', 'stdio']) {
    test(`P1: what nobody judges is relayed byte for byte (${server})`, async () => {
      const bodies = [
        callText('plain', '{"n":30.00000000000000000001,"m":[9007199254740993,1e400,-0,0.1e1,1E2],"s":"x\\ud800"}'),
        callText('transfer', '{"amount":5,"note":{"n":9007199254740993}}'),
        callText('charge', '{"amount":1.50,"note":12345678901234567890}'),
        callText('tenanted', '{"n":9007199254740993}', { meta: '{"acme.com/tenant":7,"other":1e400}' }),
        callText('plain', '{}', { id: '30.00000000000000000001', meta: '{"progressToken":9223372036854775808}' }),
      ];
      const before = (await heardBy(server)).length;
      for (const body of bodies) assert.equal((await agents[server]!.post(body)).status, 200);
      assert.deepEqual((await heardBy(server)).slice(before), bodies);
    });

    const REFUSED: [tool: string, args: string, at: string, meta?: string][] = [
      ['transfer', '{"amount":30.00000000000000000001}', '/params/arguments/amount'],
      ['transfer', '{"amount":1e400}', '/params/arguments/amount'],
      ['transfer', '{"amount":[9007199254740993]}', '/params/arguments/amount/0'],
      ['listed', '{"id":9007199254740993}', '/params/arguments/id'],
      ['listed', '{"id":0.99999999999999999999}', '/params/arguments/id'],
      ['excluded', '{"ids":[4,9007199254740991.5]}', '/params/arguments/ids/1'],
      ['tagged', '{"tags":[1,29.999999999999999999]}', '/params/arguments/tags/1'],
      ['tenanted', '{}', '/params/_meta/acme.com~1tenant', '{"acme.com/tenant":7.00000000000000000001}'],
      ['charge', '{"amount":0.10000000000000000001}', '/params/arguments/amount'],
      ['charge', '{"amount":-0.00000000000000000001e-400}', '/params/arguments/amount'],
      ['gated', '{"n":30.00000000000000000001}', '/params/arguments/n'],
      ['gated', '{"deep":[{"n":9007199254740993}]}', '/params/arguments/deep/0/n'],
      ['gated', '{}', '/params/_meta/n', '{"n":1e400}'],
      ['gated', '{"s":"\\udfff"}', '/params/arguments/s'],
    ];
    test(`P1: where a condition, a limit or a person would judge it, it is refused before the verdict (${server})`, async () => {
      const before = (await heardBy(server)).length;
      for (const [tool, args, at, meta = ''] of REFUSED) {
        const said = await textOf(server, callText(tool, args, { meta }));
        assert.ok(said.startsWith('Policy violation: '), said);
        assert.ok(said.includes(at), `${said} names ${at}`);
        assert.match(said, /Send .* as (?:a string|whole Unicode characters)/);
      }
      assert.equal((await heardBy(server)).length, before);
      assert.deepEqual(await gateway.approvals('pending'), []);
      const refused = await eventually('all are in the log', async () => {
        const all = (await gateway.events()).filter(({ type }) => type === 'call.refused');
        return all.length >= REFUSED.length ? all : null;
      });
      assert.ok(refused.every(({ data }) => data.fingerprint === null && typeof data.judge === 'string'));
    });

    test(`P1: sent as a string, it is judged exactly (${server})`, async () => {
      const body = callText('transfer', '{"amount":"30.00000000000000000001"}', { meta: '{"progressToken":1}' });
      const answer = agents[server]!.post(body);
      const { id } = await gateway.pending('transfer');
      await house.approve(id);
      assert.match(await (await answer).text(), /"result"/);
      assert.ok((await heardBy(server)).includes(body));
    });

    test(`P1: the id and the progress token of a gated call may be any number, and come back as written (${server})`, async () => {
      const body = callText('gated', `{"for":"${server}"}`, {
        id: '9223372036854775808',
        meta: '{"progressToken":30.00000000000000000001}',
      });
      const answer = agents[server]!.post(body, { accept: 'application/json, text/event-stream' });
      const { id } = await gateway.pending('gated');
      await house.approve(id);
      const text = await (await answer).text();
      assert.match(text, /"id":9223372036854775808,/);
      assert.match(text, /"progressToken":30\.00000000000000000001,/);
      await gateway.reaches(id, 'succeeded');
      await eventually('the server has it', async () => ((await heardBy(server)).includes(body) ? true : null));
    });
  }

  test('P1: with a task or a round trip it is refused as well, whatever state it brings', async () => {
    const legacy = await Agent.open(`${gateway.url}/mcp/http`, house.tokens.agent!, '2025-11-25');
    const task = callText('gated', '{"n":9007199254740993}').replace('"arguments"', '"task":{},"arguments"');
    const refused = JSON.parse(
      /\{"jsonrpc".*\}/.exec(
        await (await legacy.post(task, { headers: { 'mcp-protocol-version': '2025-11-25' } })).text(),
      )![0],
    );
    assert.match(
      refused.error?.message ?? JSON.stringify(refused),
      /^Policy violation: the number at \/params\/arguments\/n/,
    );

    const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'gated' };
    const meta = JSON.stringify({
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
      'io.modelcontextprotocol/clientInfo': { name: 'modern', version: '1' },
    });
    const modern = new Agent(`${gateway.url}/mcp/http`, house.tokens.agent!);
    const send = async (args: string, more = '') => {
      const body = callText('gated', args, { meta }).replace('"arguments"', `${more}"arguments"`);
      const text = await (await modern.post(body, { headers })).text();
      return JSON.parse(/\{"jsonrpc".*\}/.exec(text)![0]);
    };
    const { requestState } = (await send('{"n":30}')).result;
    assert.equal(typeof requestState, 'string');
    const before = (await heardBy('http')).length;
    for (const args of ['{"n":30.00000000000000000001}', '{"n":1e400}', '{"n":30,"s":"\\ud800"}']) {
      for (const more of ['', '"requestState":"theirs",', '"requestState":"theirs","inputResponses":{"a":{}},']) {
        const answer = await send(args, more);
        assert.match(answer.result?.content[0].text ?? '', /^Policy violation: /, JSON.stringify(answer));
      }
      const back = await send(args, `"requestState":${JSON.stringify(requestState)},`);
      assert.match(back.result?.content[0].text ?? '', /^Policy violation: /, JSON.stringify(back));
    }
    assert.equal((await heardBy('http')).length, before);
  });
});
