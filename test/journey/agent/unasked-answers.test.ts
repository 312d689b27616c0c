import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Agent, type Sent, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type BareUpstream, bareUpstream } from '../../support/upstream/bare.ts';
import { eventually } from '../../support/wait.ts';

const STRICT = `version: "1"
default: allow
tools:
  wipe: { action: require_approval, severity: high }
`;
const OPEN = 'version: "1"\ndefault: allow\n';

let upstream: BareUpstream;
let house: House;
let gateway: GatewayProcess;

before(async () => {
  upstream = await bareUpstream();
  const { port } = new URL(upstream.url);
  house = await openHouse({
    servers: {
      strict: { at: `url: "${upstream.url}"`, policy: STRICT },
      // Another name, and another spelling, of the same place.
      open: { at: `url: "http://localhost:${port}/mcp/"`, policy: OPEN },
    },
    approval: '{ timeout: 10m, pickup: 1h }',
    grants: ['second'],
  });
  gateway = await house.start();
});
after(async () => {
  await house.close();
  await upstream.close();
});

const agentAt = (server: string, grant = 'agent'): Agent =>
  new Agent(`${gateway.url}/mcp/${server}`, house.tokens[grant]!);
const reply = (id: number, said: string): object => ({ jsonrpc: '2.0', id, result: { action: 'accept', said } });
const answered = (said: string): boolean => JSON.stringify(upstream.answers).includes(said);

/** The id of the server's question to this call. */
function questionOf(sent: Sent, says: string): Promise<number> {
  return eventually('a question', async () => {
    const asked = sent.messages.find((message) => JSON.stringify(message).includes(says));
    return typeof asked?.id === 'number' ? asked.id : null;
  });
}
/** An approved call that has asked. */
async function wiping(question: string): Promise<{ id: string; n: number; sent: Sent }> {
  const sent = agentAt('strict').call('wipe', { question });
  const { id } = await gateway.pending('wipe', { question });
  await house.approve(id);
  return { id, n: await questionOf(sent, question), sent };
}
async function legOf(id: string): ReturnType<GatewayProcess['approval']> {
  return eventually(
    'a leg',
    async () => (await gateway.approvals('pending')).find(({ answersTo }) => answersTo === id) ?? null,
  );
}
/** Answers with a yes, so that the call ends. */
async function end({ id, n, sent }: Awaited<ReturnType<typeof wiping>>): Promise<void> {
  const open = agentAt('strict').post(reply(n, 'end'));
  await house.approve((await legOf(id)).id);
  assert.equal((await open).status, 202);
  assert.match(textOf(await sent.answer), /end/);
}

describe('P1: A server without sessions, under two names and for two grants', () => {
  test('an answer through the other name needs the same yes', async () => {
    const call = await wiping('two names?');
    assert.equal((await agentAt('open').post([reply(call.n, 'around')])).status, 400);
    const open = agentAt('open').post(reply(call.n, 'around'));
    const leg = await legOf(call.id);
    assert.equal(leg.server, 'strict');
    assert.ok(!answered('around'));
    await house.deny(leg.id, 'not around');
    assert.equal((await open).status, 403);
    assert.match(textOf(await call.sent.answer), /not around/);
    assert.ok(!answered('"said":"around"'));
  });

  test('an answer of another grant is refused, whatever name it uses', async () => {
    const call = await wiping('two grants?');
    for (const server of ['strict', 'open']) {
      const response = await agentAt(server, 'second').post(reply(call.n, 'stolen'));
      assert.equal(response.status, 409, server);
      assert.match(await response.text(), /asked another agent something under the same id/);
    }
    assert.ok(!answered('stolen'));
    const own = agentAt('open', 'second').call('look', { question: 'its own?' });
    const n = await questionOf(own, 'its own?');
    assert.equal((await agentAt('open', 'second').post(reply(n, 'of its own'))).status, 202);
    assert.match(textOf(await own.answer), /of its own/);
    await end(call);
  });

  test('an answer to what was asked before passes, once, while the call runs', async () => {
    const plain = agentAt('open').call('look', { question: 'before?' });
    const n = await questionOf(plain, 'before?');
    const call = await wiping('meanwhile?');
    assert.equal((await agentAt('strict').post(reply(n, 'passed'))).status, 202);
    assert.match(textOf(await plain.answer), /passed/);
    const again = await agentAt('strict').post(reply(n, 'twice'));
    assert.equal(again.status, 409);
    assert.match(await again.text(), /has not asked this/);
    assert.ok(!answered('twice'));
    await end(call);
  });

  test('what is asked on an allowed call’s stream while it runs may be about it, and needs a yes', async () => {
    const call = await wiping('which of both?');
    const plain = agentAt('open').call('look', { question: 'about what?' });
    const n = await questionOf(plain, 'about what?');
    const open = agentAt('open').post(reply(n, 'agreed'));
    const leg = await legOf(call.id);
    assert.match(leg.asked ?? '', /about what\?/);
    assert.ok(!answered('agreed'));
    await house.approve(leg.id);
    assert.equal((await open).status, 202);
    assert.match(textOf(await plain.answer), /agreed/);
    await end(call);
  });

  test('a question that is too long to be shown is answered with its size and the bound', async () => {
    const question = 'too long?';
    const sent = agentAt('strict').call('wipe', { question, pad: 300_000 });
    const { id } = await gateway.pending('wipe', { question });
    await house.approve(id);
    await gateway.reaches(id, 'succeeded');
    assert.match(textOf(await sent.answer), /it has more than 262144 bytes.*at most 262144 \(256 KiB\)/);
  });
});
