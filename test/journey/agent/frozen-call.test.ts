import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { JsonObject } from '../../../src/domain/json/json.ts';
import { messagesIn, RawAgent, type RawCall } from '../../support/agent/raw.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type Arrived, type ErasUpstream, erasUpstream } from '../../support/upstream/eras.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: allow
tools:
  create_key: { action: require_approval }
`;

/**
 * What is sent is what the opener sent, whoever collects: the table of ways to collect an approved call. The second
 * request says the same in other bytes, and brings headers and transport members of its own.
 */
describe('A gated call that another request collects', { skip: skipWithoutBacking('postgres') }, () => {
  let backing: Backing;
  let upstream: ErasUpstream;
  let house: House;
  let a: GatewayProcess;
  let b: GatewayProcess;
  let nonce = 0;
  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('postgres'), erasUpstream()]);
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, hold: { default: 300ms, progress: 60s, leg: 300ms } }',
      approvers: '[U0MIRA, admin]',
      databaseUrl: await backing.database(),
      slack: false,
    });
    [a, b] = await Promise.all([house.start(), house.start()]);
  });
  after(async () => {
    await house?.close();
    await upstream?.close();
    await backing?.stop();
  });

  const at = (gateway: GatewayProcess, modern: boolean, capabilities: JsonObject = {}) =>
    RawAgent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!, { modern, capabilities });
  const approve = async (id: string): Promise<void> => {
    const body = JSON.stringify({ decision: 'approve' });
    const headers = { 'content-type': 'application/json' };
    const answer = await a.api(`/api/approvals/${id}/decisions`, { method: 'POST', body, headers });
    assert.equal(answer.status, 200, await answer.text());
  };
  const openers = (n: number): RawCall => ({
    text: `{"name":"create_key","arguments":{"n":${n},"amount":1.0,"z":"1","a":[1e2]},"options":{"b":1,"a":2}}`,
    headers: { 'user-agent': 'opener', 'mcp-tenant': 'opener', 'x-tenant': 'opener' },
  });
  const taskOf = (task: string): string => `${openers(-1).text.slice(0, -1)},"task":${task}}`;
  const joiners = (n: number): RawCall => ({
    text: `{"options":{"a":2,"b":1},"arguments":{"a":[100],"z":"\\u0031","amount":1,"n":${n}},"name":"create_key"}`,
    headers: { 'user-agent': 'joiner', 'mcp-tenant': 'joiner', 'x-tenant': 'joiner' },
  });
  const sentFor = (n: number): Arrived => {
    const sent = upstream.calls.filter((call) => call.args.n === n);
    assert.equal(sent.length, 1);
    return sent[0]!;
  };
  const isOpeners = ({ text, headers }: Arrived, n: number): void => {
    const { text: params } = openers(n);
    assert.ok(text.includes(params.slice(1, -1)), text);
    assert.equal(headers['user-agent'], 'holdfast');
    assert.doesNotMatch(JSON.stringify(headers), /tenant/);
  };
  const asked = (n: number): Promise<string> =>
    eventually(
      `call ${n} is parked`,
      async () => (await a.approvals()).find((one) => one.arguments.n === n)?.id ?? null,
    );

  for (const modern of [false, true]) {
    const era = modern ? '2026-07-28' : '2025-06-18';

    test(`P1: ${era}: the identical call after the pending result, at another replica`, async () => {
      const n = nonce++;
      const opener = await at(a, modern);
      const first = opener.call(openers(n));
      const id = await asked(n);
      await first;
      await approve(id);
      const answer = await (await at(b, modern)).call(joiners(n));
      assert.match(answer.text, /done/);
      isOpeners(sentFor(n), n);
    });

    test(`P1: ${era}: a second caller whose stream is open when the first has gone`, async () => {
      const n = nonce++;
      const opener = await at(a, modern);
      const leaving = new AbortController();
      const first = opener.call({ ...openers(n), signal: leaving.signal }).catch(() => null);
      const id = await asked(n);
      const second = (await at(b, modern)).call({ ...joiners(n), progressToken: '"mine"' });
      await eventually('the second has joined', async () => (await a.approval(id)).callers === 2 || null);
      leaving.abort();
      await first;
      await approve(id);
      const answer = await second;
      if (!/done/.test(answer.text)) assert.match((await (await at(b, modern)).call(joiners(n))).text, /done/);
      isOpeners(sentFor(n), n);
    });
  }

  test('P1: 2026-07-28: a caller that comes back with our state and brings other members', async () => {
    const n = nonce++;
    const opener = await at(a, true);
    const first = opener.call(openers(n));
    const id = await asked(n);
    const { result } = messagesIn((await first).text).at(-1) as { result: JsonObject };
    assert.equal(result.resultType, 'input_required');
    await approve(id);
    const more = `"requestState":${JSON.stringify(result.requestState)},"inputResponses":{"to":{"tenant":"evil"}}`;
    const back = { ...joiners(n), text: `${joiners(n).text.slice(0, -1)},${more}}` };
    assert.match((await opener.call(back)).text, /done/);
    isOpeners(sentFor(n), n);
    assert.doesNotMatch(sentFor(n).text, /evil|requestState/);
  });

  test('P1: a task that joins sends the opener’s call', async () => {
    const n = nonce++;
    const capabilities = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
    const opener = await at(a, true, capabilities);
    assert.match((await opener.call(openers(n))).text, /"resultType":"task"/);
    const id = await asked(n);
    const joiner = await at(b, true, capabilities);
    assert.match((await joiner.call(joiners(n))).text, /"resultType":"task"/);
    await approve(id);
    await a.reaches(id, 'succeeded');
    isOpeners(sentFor(n), n);
  });

  test('P1: a GET that resumes the stream lends it no header', async () => {
    const n = nonce++;
    const opener = await RawAgent.open(`${a.url}/mcp/tools`, house.tokens.agent!, {
      modern: false,
      revision: '2025-11-25',
    });
    const leaving = new AbortController();
    const first = opener.call({ ...openers(n), progressToken: '7', signal: leaving.signal, untilText: 'id: ' });
    const id = await asked(n);
    const eventId = /^id: (.*)$/m.exec((await first).text)![1]!;
    leaving.abort();
    await approve(id);
    const resumed = await opener.resume(eventId, { 'user-agent': 'joiner', 'mcp-tenant': 'joiner' });
    assert.match(resumed.text, /done/);
    isOpeners(sentFor(n), n);
  });

  test('P1: the opener’s reason is not sent', async () => {
    const n = nonce++;
    const opener = await at(a, false);
    const call = { ...openers(n), meta: '"holdfast/reason":"because","acme.com/tenant":"b"' };
    const first = opener.call(call);
    const id = await asked(n);
    await first;
    await approve(id);
    assert.match((await opener.call(call)).text, /done/);
    const { text } = sentFor(n);
    assert.doesNotMatch(text, /because/);
    assert.match(text, /"acme.com\/tenant":"b"/);
    const approval = (await a.approval(id)) as unknown as { sent: JsonObject; statedReason: string };
    assert.deepEqual(approval.sent, {
      params: { options: { a: 2, b: 1 } },
      meta: { 'acme.com/tenant': 'b' },
      headers: {},
    });
    assert.equal(approval.statedReason, 'because');
  });

  const REFUSED: readonly (readonly [string, RawCall, RegExp])[] = [
    ['a jsonrpc that says more', { ...openers(-1), jsonrpc: '{"db":"x"}' }, /jsonrpc/],
    ['no jsonrpc', { ...openers(-1), jsonrpc: 'null' }, /jsonrpc/],
    ['a task that says more', { ...openers(-1), text: taskOf('{"dryRun":true}') }, /params\.task/],
    ['a progress token that is none', { ...openers(-1), progressToken: '{"a":1}' }, /progressToken/],
    ['a progress token that speaks', { ...openers(-1), progressToken: '"use production"' }, /progressToken/],
    ['a member of the envelope', { ...openers(-1), envelope: '"secureArguments":{"db":"x"}' }, /"secureArguments"/],
    ['a holdfast/ member', { ...openers(-1), meta: '"holdfast/limits":"none"' }, /"holdfast\/limits"/],
    ['a reason that is no text', { ...openers(-1), meta: '"holdfast/reason":{"to":"x"}' }, /holdfast\/reason/],
    [
      'a revision that is none',
      { ...openers(-1), headers: { 'mcp-protocol-version': 'production' } },
      /MCP-Protocol-Version/,
    ],
  ];
  for (const [what, call, says] of REFUSED) {
    test(`P1: a gated call is refused by name for ${what}`, async () => {
      const before = upstream.calls.length;
      const answer = await (await at(a, false)).call(call);
      const { result } = messagesIn(answer.text).at(-1) as {
        result: { isError: boolean; content: [{ text: string }] };
      };
      assert.equal(result.isError, true);
      assert.match(result.content[0].text, says);
      assert.match(result.content[0].text, /^Policy violation: /);
      assert.equal(upstream.calls.length, before);
      assert.deepEqual(
        (await a.approvals()).filter((one) => one.arguments.n === -1),
        [],
      );
      const told = result.content[0].text.split('\n')[0]!;
      await eventually('the log says which and why', async () => {
        const { items } = (await (await a.api('/api/events?what=tools&type=call.refused')).json()) as {
          items: { data: { why?: string } }[];
        };
        return items.some(({ data }) => data.why !== undefined && told === `Policy violation: ${data.why}.`) || null;
      });
    });
  }

  test('P1: a header that an argument of its name only seems to confirm is shown and bound', async () => {
    const agent = await at(a, true);
    const seen = new Set<string>();
    const rows = [
      ['{"n":%,"region":null,"a":"eu"}', 'eu'],
      ['{"n":%,"region":{"x":1},"a":"eu"}', 'eu'],
      ['{"n":%,"region":["eu"],"a":"eu"}', 'eu'],
      ['{"n":%,"region":16}', '16.0'],
    ] as const;
    for (const [args, region] of rows) {
      const n = nonce++;
      const text = `{"name":"create_key","arguments":${args.replace('%', String(n))}}`;
      await agent.call({ text, headers: { 'mcp-param-region': region } });
      const approval = (await a.approvals()).find((one) => one.arguments.n === n) as unknown as { sent: JsonObject };
      assert.deepEqual(approval.sent.headers, { 'mcp-param-region': region }, args);
      seen.add(region);
    }
    const n = nonce++;
    const text = `{"name":"create_key","arguments":{"n":${n},"region":"eu"}}`;
    await agent.call({ text, headers: { 'mcp-param-region': 'eu' } });
    const plain = (await a.approvals()).find((one) => one.arguments.n === n) as unknown as { sent: JsonObject };
    assert.deepEqual(plain.sent.headers, {});

    for (const [value, region] of [
      ['16', '0x10'],
      ['"eu"', '=?base64?Z X U =?='],
    ]) {
      const m = nonce++;
      const args = `{"name":"create_key","arguments":{"n":${m},"region":${value}}}`;
      const refused = await agent.call({ text: args, headers: { 'mcp-param-region': region! } });
      assert.equal(refused.status, 400);
      assert.match(refused.text, /mcp-param-region is .*: write /);
      assert.ok((await a.approvals()).every((one) => one.arguments.n !== m));
    }
  });

  for (const id of ['1e400', '30.00000000000000000001', '-0', '9223372036854775808']) {
    test(`P4: a call whose id is ${id} has its outcome, with this id`, async () => {
      const n = nonce++;
      const agent = await RawAgent.open(`${a.url}/mcp/tools`, house.tokens.agent!, { modern: false });
      const call = { text: `{"name":"create_key","arguments":{"n":${n}}}`, id, progressToken: '1' };
      const answer = agent.call(call);
      await approve(await asked(n));
      const { text } = await answer;
      assert.match(text, /done/);
      assert.ok(text.includes(`"id":${id},`), text);
    });
  }

  test('P1: a call of one era does not join one of the other', async () => {
    const n = nonce++;
    const text = `{"name":"create_key","arguments":{"n":${n}}}`;
    await (await at(a, true)).call({ text });
    const capabilities = '"io.modelcontextprotocol/clientCapabilities":{}';
    await (await at(a, false)).call({ text, meta: capabilities });
    assert.equal((await a.approvals()).filter((one) => one.arguments.n === n).length, 2);
  });

  test('bad input on the way back is a clear error: a state that was never issued, with a value that is not exact', async () => {
    for (const value of ['"\\ud800"', '1e400']) {
      const text = `{"name":"create_key","arguments":{"x":${value}},"requestState":"holdfast.AAAA"}`;
      const answer = await (await at(a, true)).call({ text });
      assert.equal(answer.status, 200);
      assert.match(answer.text, /as a string, with all its digits|half of a surrogate pair/);
    }
  });

  test('P10: a NUL in another member of params is shown like one in an argument', async () => {
    const n = nonce++;
    const text = `{"name":"create_key","arguments":{"n":${n},"a":"x\\u0000y"},"options":{"b":"x\\u0000y"}}`;
    await (await at(a, true)).call({ text });
    const approval = (await a.approvals()).find((one) => one.arguments.n === n) as unknown as { sent: JsonObject };
    assert.deepEqual(approval.sent.params, { options: { b: 'x\0y' } });
  });

  test('P9: an allowed call passes with all of it', async () => {
    const call = { text: '{"name":"read","arguments":{}}', envelope: '"more":1', meta: '"holdfast/reason":"because"' };
    const answer = await (await at(a, false)).call({ ...call, headers: { 'mcp-tenant': 'b', 'user-agent': 'mine' } });
    assert.match(answer.text, /done/);
    const { text, headers } = upstream.calls.at(-1)!;
    assert.match(text, /because/);
    assert.match(text, /"more":1/);
    assert.deepEqual([headers['mcp-tenant'], headers['user-agent']], ['b', 'mine']);
  });
});
