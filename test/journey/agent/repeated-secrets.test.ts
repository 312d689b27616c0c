import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { approvalsShowCommand } from '../../../src/cli/approvals/show.ts';
import type { JsonObject } from '../../../src/domain/json/json.ts';
import { Agent } from '../../support/agent/agent.ts';
import { ModernAgent, modernText } from '../../support/agent/modern.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { keptTerminal } from '../../support/terminal.ts';
import { type Arrived, type ErasUpstream, erasUpstream, saying } from '../../support/upstream/eras.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: require_approval
tools:
  create_key: { action: require_approval, redact: [args.seed], severity: high }
  read: { action: require_approval, severity: medium }
`;
/** One value that its name hides, one that policy hides. */
const PASSWORD = 'Zebra"7/+ hunter=2';
const SEED = 'correct-horse-0815';

/** Every spelling in which a secret must not come out. */
function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    bytes.toString('hex'),
    // Without the last character, which what comes behind has a part in.
    ...['', 'a', 'ab'].map((before) => {
      const encoded = Buffer.concat([Buffer.from(before), bytes])
        .toString('base64')
        .replace(/=+$/, '');
      return encoded.slice(before === '' ? 0 : before.length + 1, -1);
    }),
  ];
}

describe('P8: a hidden value that the agent repeats in its own words', () => {
  let upstream: ErasUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  let modern: ModernAgent;
  before(async () => {
    upstream = await erasUpstream();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, hold: { default: 30s, progress: 30s } }',
    });
    gateway = await house.start();
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    modern = new ModernAgent(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  /** Nothing that anybody can read holds the secret: API, events, console, CLI, Slack, logs, metrics. */
  async function nowhere(id: string | null, secrets = [PASSWORD, SEED]): Promise<void> {
    const pages = ['/api/approvals?limit=100', '/api/events?limit=500', '/metrics'];
    if (id !== null) pages.push(`/api/approvals/${id}`, `/approvals/${id}`, '/');
    const said = await Promise.all(
      pages.map(async (page) => {
        const answer = await gateway.api(page);
        assert.equal(answer.status, 200, page);
        return [page, await answer.text()] as const;
      }),
    );
    const { terminal, out } = keptTerminal({ env: { HOLDFAST_ADMIN_TOKEN: house.adminToken } });
    if (id !== null) assert.equal(await approvalsShowCommand({ id, url: gateway.url, json: false }, terminal), 0);
    const places = [...said, ['CLI', out()], ['Slack', house.slackTraffic()], ['log', gateway.log]] as const;
    for (const [place, text] of places) {
      // What a page or another JSON escapes once more is read as it was.
      const plain = text.replaceAll('&quot;', '"').replaceAll('\\\\', '\\').replaceAll('\\"', '"');
      for (const spelling of secrets.flatMap(spellings)) {
        assert.ok(!text.includes(spelling) && !plain.includes(spelling), `${place}: ${spelling}`);
      }
    }
  }
  const post = (name: string, args: JsonObject, _meta: JsonObject, more: JsonObject = {}) =>
    agent.post(
      JSON.stringify({
        jsonrpc: '2.0',
        id: crypto.randomUUID(),
        method: 'tools/call',
        params: { name, arguments: args, ...more, _meta },
      }),
    );
  const pendingNamed = (name: string) => gateway.pending('create_key', { name });

  test('in other arguments, names, members, its reason and a later caller’s, however spelt; what is sent is real', async () => {
    const args = {
      name: 'everywhere',
      password: PASSWORD,
      seed: SEED,
      note: `use ${PASSWORD} and ${SEED}!`,
      list: [{ deep: [SEED] }],
      [SEED]: 'a name',
      [`${SEED} again`]: 1,
      url: `https://x.example/?k=${encodeURIComponent(PASSWORD)}`,
      form: `k=${encodeURIComponent(PASSWORD).replaceAll('%20', '+')}`,
      json: JSON.stringify({ k: PASSWORD }),
      basic: `Basic ${Buffer.from(`a:${PASSWORD}`).toString('base64')} ${Buffer.from(`me:${SEED}x`).toString('base64')}`,
      hex: Buffer.from(SEED).toString('hex'),
    };
    const meta = { 'acme.com/trace': SEED, 'holdfast/reason': `The password is ${PASSWORD}, the seed ${SEED}.` };
    const first = post('create_key', args, meta, { options: { why: PASSWORD } });
    const { id } = await pendingNamed('everywhere');
    const again = post(
      'create_key',
      args,
      { ...meta, 'holdfast/reason': `again ${SEED}` },
      { options: { why: PASSWORD } },
    );
    const shown = await eventually('both reasons', async () => {
      const approval = (await (await gateway.api(`/api/approvals/${id}`)).json()) as JsonObject;
      return (approval.laterReasons as string[]).length === 1 ? approval : null;
    });
    assert.equal(shown.statedReason, 'The password is [redacted], the seed [redacted].');
    assert.deepEqual(shown.laterReasons, ['again [redacted]']);
    assert.deepEqual(shown.hidden, { byPolicy: 1, byName: 1, byValue: 12 });
    const table = shown.arguments as JsonObject;
    assert.equal(table.note, 'use [redacted] and [redacted]!');
    assert.deepEqual([table['[redacted]'], table['[redacted] again']], ['a name', 1]);
    const card = JSON.stringify((await house.card(id, /12 more texts repeat a hidden value/)).blocks);
    assert.match(card, /Review and approve/, 'one click does not approve');
    await nowhere(id);
    await house.approve(id);
    for (const answer of [await first, await again]) await answer.text();
    assert.deepEqual(upstream.calls.find((call) => call.args.name === 'everywhere')?.args, args);
    await nowhere(id);
  });

  test('in what a client says of itself, in headers and their names', async () => {
    const args = { name: 'modern', password: PASSWORD };
    const call = modern.send(
      'tools/call',
      { name: 'create_key', arguments: args },
      {
        headers: { 'mcp-param-password': `=?base64?${Buffer.from(PASSWORD).toString('base64')}?=` },
        meta: {
          'io.modelcontextprotocol/clientInfo': {
            name: 'me',
            version: '1',
            websiteUrl: `https://a:${encodeURIComponent(PASSWORD)}@x`,
          },
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    );
    const { id } = await pendingNamed('modern');
    await nowhere(id);
    await house.deny(id);
    await call;
  });

  test('in the reason why it takes the call back', async () => {
    for (const args of [{ name: 'back', password: PASSWORD }, { name: 'plain' }]) {
      const sent = agent.call('create_key', args);
      sent.answer.catch(() => undefined);
      const { id } = await pendingNamed(args.name);
      await agent.cancel(sent.id, `no more ${PASSWORD}`.slice(0, args.name === 'back' ? 100 : 7));
      await gateway.reaches(id, 'withdrawn');
      const reasons = (await gateway.events(id)).flatMap(({ data }) => (data.reason ? [data.reason] : []));
      const expected = args.name === 'back' ? '[redacted]' : 'no more';
      assert.equal(reasons.filter((reason) => reason === expected).length, 2, JSON.stringify(reasons));
      await nowhere(id);
    }
  });

  test('in the name of a tool: the call is refused, and its event does not tell', async () => {
    const answer = await (await post(`x-${SEED}`, { password: SEED }, {})).text();
    assert.match(answer, /params\.name repeats a value that is hidden in the same call/);
    assert.match(answer, /Send the value in its argument only/);
    const event = await eventually(
      'the event',
      async () =>
        (await gateway.events()).find(
          ({ type, data }) => type === 'call.refused' && String(data.why).includes('params.name'),
        ) ?? null,
    );
    assert.ok(event);
    await nowhere(null);
  });

  test('in its answer to what the server asked, and in the server’s question', async () => {
    upstream.behave = ({ params }: Arrived) =>
      params.inputResponses === undefined
        ? {
            resultType: 'input_required',
            requestState: 'theirs',
            inputRequests: { who: { method: 'elicitation/create', params: { message: `Is ${PASSWORD} right?` } } },
          }
        : saying('done');
    for (const [tool, name] of [
      ['create_key', 'leg'],
      ['read', 'free'],
    ] as const) {
      const args = { name, password: PASSWORD };
      const open = modern.call(tool, args);
      const { id } = await gateway.pending(tool, { name });
      await house.approve(id);
      await open;
      const inputResponses = { who: { action: 'accept', content: { text: `yes, ${PASSWORD}` } } };
      const answer = modern.call(tool, args, { requestState: 'theirs', inputResponses });
      if (tool === 'create_key') {
        const leg = await eventually(
          'a leg',
          async () => (await gateway.approvals('pending')).find(({ answersTo }) => answersTo === id) ?? null,
        );
        assert.match(leg.asked ?? '', /Is \[redacted\] right\?/);
        await nowhere(leg.id);
        await house.approve(leg.id);
      }
      assert.match(modernText(await answer), /done/);
      assert.match((await gateway.approval(id)).answers[0]?.text ?? '', /yes, \[redacted\]/);
      await nowhere(id);
    }
  });

  test('short values and words of the agent’s own stay: nothing is blanked that hides nothing', async () => {
    const args = {
      name: 'short',
      token: true,
      pin_token: 12345,
      note: 'true 12345 [redacted]',
      seed: 'abcde',
      x: 'abcde',
    };
    const open = post('create_key', args, {});
    const { id } = await pendingNamed('short');
    const shown = await gateway.approval(id);
    assert.deepEqual(shown.arguments, { ...args, token: '[redacted]', pin_token: '[redacted]', seed: '[redacted]' });
    await house.deny(id);
    await (await open).text();
  });
});
