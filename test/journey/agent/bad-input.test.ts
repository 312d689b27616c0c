import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse, STORE_SECRET } from '../../support/gateway/program.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
  create_key: { action: require_approval }
`;

describe('bad input gets a clear answer and loses nothing', () => {
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  /** A call that stays parked during all of these tests. */
  let parked: { id: string; ts: string; answer: Promise<unknown> };
  before(async () => {
    upstream = await countingUpstream();
    house = await openHouse({
      servers: {
        tools: { at: `url: "${upstream.url}"`, policy: POLICY },
        nobody: { at: 'url: "http://127.0.0.1:9/mcp"', policy: POLICY },
      },
      grants: ['other'],
      env: { HOLDFAST_MAX_BODY: '4096' },
    });
    gateway = await house.start();
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    const sent = agent.call('create_key', { name: 'bystander' }, { meta: { progressToken: 'p' } });
    const { id } = await gateway.pending('create_key');
    parked = { id, ts: (await house.card(id)).ts, answer: sent.answer };
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  const says = async (response: Response, status: number, words: RegExp): Promise<void> => {
    const text = await response.text();
    assert.equal(response.status, status, text);
    assert.match(text, words);
  };

  test('P6: malformed JSON, wrong types, wrong encodings are refused with what is wrong', async () => {
    const before = upstream.calls.length;
    const text = { 'content-type': 'text/plain' };
    await says(await agent.post('{"jsonrpc":"2.0",'), 400, /Not forwarded: /);
    await says(await agent.post(''), 400, /Not forwarded: /);
    await says(await agent.post('{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}'), 400, /twice|duplicate/i);
    await says(await agent.post('{}', { headers: text }), 415, /application\/json/);
    await says(await agent.post('{}', { headers: { 'content-encoding': 'gzip' } }), 415, /[Ee]ncod/);
    assert.equal(upstream.calls.length, before);
  });

  test('P6: an unknown tool is denied in words that the model can act on', async () => {
    const answer = await agent.call('no_such_tool', {}).answer;
    assert.equal(answer.isError, true);
    assert.match(textOf(answer), /^Policy violation: /);
  });

  test('P6: a body that is too long is 413 and names the limit, with or without a length', async () => {
    await says(await agent.post('x'.repeat(5_000)), 413, /longer than 4096 bytes \(HOLDFAST_MAX_BODY\)/);
    const body = new ReadableStream({
      start(control) {
        for (let n = 0; n < 10; n += 1) control.enqueue(new TextEncoder().encode('x'.repeat(1_000)));
        control.close();
      },
    });
    const response = await fetch(agent.url, {
      method: 'POST',
      headers: { authorization: `Bearer ${house.tokens.agent}`, 'content-type': 'application/json' },
      body,
      duplex: 'half',
    } as RequestInit);
    await says(response, 413, /HOLDFAST_MAX_BODY/);
  });

  test('P6: no token, a bad one, the admin’s: 401 with where to learn more; a server that is not there: 404', async () => {
    for (const token of ['', 'hf_wrong', house.adminToken]) {
      const response = await new Agent(agent.url, token).post({ jsonrpc: '2.0', id: 1, method: 'ping' });
      assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer .*resource_metadata=/);
      await says(response, 401, /token|grant|Authorization/i);
    }
    const elsewhere = new Agent(`${gateway.url}/mcp/atlantis`, house.tokens.agent!);
    await says(await elsewhere.post({ jsonrpc: '2.0', id: 1, method: 'ping' }), 404, /no server named/);
    await says(await gateway.api('/nothing/here'), 404, /There is nothing at/);
  });

  test('P6: a session of another grant, and one that never was, are 404 and look the same', async () => {
    const other = await Agent.open(agent.url, house.tokens.other!);
    const own = other.session;
    const answers: string[] = [];
    for (const session of [agent.session, 'never-was']) {
      other.session = session;
      const response = await other.post({ jsonrpc: '2.0', id: 5, method: 'tools/list' });
      assert.equal(response.status, 404);
      answers.push(await response.text());
    }
    assert.equal(answers[0], answers[1]);
    other.session = own;
    assert.equal(textOf(await other.call('read', {}).answer), 'done');
  });

  test('P6: an upstream that is not there is 502 and says that nothing was sent', async () => {
    const lost = new Agent(`${gateway.url}/mcp/nobody`, house.tokens.agent!);
    const call = { jsonrpc: '2.0', id: 3, method: 'tools/call', params: { name: 'read', arguments: {} } };
    await says(await lost.post(call), 502, /nobody cannot be reached .*nothing was sent/);
  });

  test('P3: forged, stale and future-dated clicks are refused and decide nothing', async () => {
    const payload = await honestClick();
    const now = Math.floor(Date.now() / 1_000);
    const tries: [string, Parameters<House['slack']['deliver']>[1]][] = [
      ['forged', { signature: `v0=${'0'.repeat(64)}` }],
      ['unsigned', { headers: { 'x-slack-signature': '' } }],
      ['stale', { timestamp: now - 400 }],
      ['future', { timestamp: now + 400 }],
      ['no time', { timestamp: 'yesterday' }],
    ];
    for (const [name, forgery] of tries) {
      const reaction = await house.slack.deliver(payload, forgery);
      assert.ok([400, 401, 403].includes(reaction.status), `${name}: ${reaction.status}`);
    }
    const tampered = await house.slack.deliver(payload.replace('block_actions', 'block_actionz'), {
      signature: house.slack.sign(payload, now),
      timestamp: now,
    });
    assert.equal(tampered.status, 401);
    assert.equal((await gateway.approval(parked.id)).state, 'pending');
  });

  /** The body of a real click whose person, who may not decide, is replaced by one who may. */
  async function honestClick(): Promise<string> {
    await house.slack.click({ user: 'U0SAM', channel: CHANNEL, ts: parked.ts, actionId: 'approve' });
    return house.slack.deliveries.at(-1)!.body.replaceAll('U0SAM', 'U0MIRA');
  }

  test('P3: a click by somebody not eligible and a second click are told the truth', async () => {
    house.slack.addUser({ id: 'U0EVE', name: 'eve' });
    const sent = agent.call('create_key', { name: 'clicked' }, { meta: { progressToken: 'p' } });
    const { id } = await gateway.pending('create_key', { name: 'clicked' });
    const { ts } = await house.card(id);
    const click = (user: string) => house.slack.click({ user, channel: CHANNEL, ts, actionId: 'approve' });
    await click('U0EVE');
    await house.slack.waitFor(() => house.slack.ephemerals('U0EVE').length > 0, 5_000);
    await click('U0MIRA');
    assert.equal(textOf((await sent.answer) as never), 'done');
    await click('U0ALEX');
    await house.slack.waitFor(() => house.slack.ephemerals('U0ALEX').length > 0, 5_000);
    assert.equal((await gateway.approval(id)).decisions.length, 1);
    assert.equal(upstream.count('create_key', { name: 'clicked' }), 1);
  });

  test('P3: the admin API refuses words it does not understand, and decides nothing by GET', async () => {
    const path = `/api/approvals/${parked.id}/decisions`;
    const json = { 'content-type': 'application/json' };
    const post = (body: string, headers: Record<string, string> = json) =>
      gateway.api(path, { method: 'POST', headers, body });
    await says(await post('{"decision":"maybe"}'), 400, /approve/);
    await says(await post('not json'), 400, /JSON/);
    await says(await post('{"decision":"approve"}', { 'content-type': 'text/plain' }), 400, /application\/json/);
    await says(await post('{"decision":"approve","fingerprint":"0000000000000000"}'), 403, /another call/);
    await says(await gateway.api(`${path}?decision=approve`), 404, /./);
    await says(await fetch(`${gateway.url}/api/approvals`), 401, /admin token/);
    await says(await gateway.api('/api/approvals/ap_none'), 404, /no such/);
    await says(await gateway.api('/api/approvals?state=asleep'), 400, /pending/);
    assert.equal((await gateway.approval(parked.id)).state, 'pending');
  });

  test('P6: a policy with an unknown key does not replace the one that runs, and is told with its place', async () => {
    house.writePolicy('tools', `${POLICY}  charge: { acton: allow }\n`);
    process.kill(gateway.pid, 'SIGHUP');
    const rejected = await eventually(
      'it is told',
      async () => (await gateway.events()).find((event) => event.type === 'policy.rejected') ?? null,
    );
    assert.match(JSON.stringify(rejected.data), /tools\.charge.*acton.*action/);
    assert.match(gateway.log, /acton/);
    assert.equal(textOf(await agent.call('read', {}).answer), 'done');
    assert.match(textOf(await agent.call('charge', {}).answer), /^Policy violation/);
    const { code, said } = await house.startFails({ args: ['--data', `${house.folder}/elsewhere`] });
    assert.equal(code, 1);
    assert.match(said, /tools\.yaml:\d+:\d+.*acton/);
    house.writePolicy('tools', POLICY);
    process.kill(gateway.pid, 'SIGHUP');
  });

  test('P6: a busy port, and a database that is not there: it does not start, and says what to do', async (t) => {
    const squatter = createServer();
    t.after(() => squatter.close());
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
    const { port } = squatter.address() as { port: number };
    const elsewhere = ['--data', `${house.folder}/elsewhere`];
    const fails = (args: string[], env: Record<string, string> = {}) =>
      house.startFails({ args: [...elsewhere, ...args], env });
    const busy = await fails(['--listen', `127.0.0.1:${port}`]);
    assert.equal(busy.code, 1);
    assert.match(busy.said, new RegExp(`Port ${port} on 127.0.0.1 is in use. .*HOLDFAST_LISTEN`));
    const sql = await fails([], {
      DATABASE_URL: 'postgres://me:hunter2@127.0.0.1:9/x',
      HOLDFAST_SECRET: STORE_SECRET,
    });
    assert.equal(sql.code, 1);
    assert.match(sql.said, /The database .*cannot be used: .*(nobody listens|ECONNREFUSED)/);
    const secret = await fails([], { DATABASE_URL: 'postgres://me@127.0.0.1:9/x' });
    assert.match(secret.said, /HOLDFAST_SECRET.*is not set/);
    assert.ok(!sql.said.includes('hunter2'), 'no password is said');
  });

  test('P4: after all of that the parked call is still decided, runs once, and its card is true', async () => {
    assert.equal((await gateway.approval(parked.id)).state, 'pending');
    await house.approve(parked.id);
    assert.equal(textOf((await parked.answer) as never), 'done');
    assert.equal(upstream.count('create_key', { name: 'bystander' }), 1);
    await house.card(parked.id, /went through|ucceeded/);
  });
});
