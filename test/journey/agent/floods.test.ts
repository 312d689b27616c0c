import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { CHANNEL, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key: { action: require_approval }
  read_key: {}
`;

describe('floods of questions', () => {
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  const patient = { meta: { progressToken: 'p' } };
  const agentOf = (grant: string) => Agent.open(`${gateway.url}/mcp/tools`, house.tokens[grant]!);
  const messages = () => house.slack.messages(CHANNEL);
  const cardsOf = (name: RegExp) =>
    messages().filter(({ metadata, blocks }) => metadata && name.test(JSON.stringify(blocks)));
  const lines = () =>
    messages()
      .filter(({ metadata }) => !metadata)
      .map(({ text }) => text);

  before(async () => {
    upstream = await countingUpstream();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval:
        '{ timeout: 10m, max_pending: 100, openings: 60/minute, kept_bytes: 200000, max_bytes: 300000, hold: { default: 300ms, progress: 60s } }',
      grants: ['canceller', 'heavy', 'quiet', 'calm', 'second'],
    });
    // As fast as the real one: about one message a second in a channel.
    house.slack.rates = 1;
    gateway = await house.start();
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  test('P5: a flood that waits delays no other grant’s card, and past the rate each call is told what to do', async () => {
    const [agent, quiet] = [await agentOf('agent'), await agentOf('quiet')];
    const flood = Array.from({ length: 70 }, (_, n) => agent.call('create_key', { name: `flood-${n}` }));
    const answers = (await Promise.all(flood.map(({ answer }) => answer))).map(textOf);
    const refused = answers.filter((text) => text.startsWith('Rate limited: '));
    assert.equal(refused.length, 10);
    assert.match(refused[0]!, /^Rate limited: approval.openings allows 60 per minute and grant/);
    assert.match(refused[0]!, /Nothing was sent to the server. Try again in \d+ seconds/);
    const asked = performance.now();
    quiet.call('create_key', { name: 'quiet-one' });
    await house.slack.waitFor(() => cardsOf(/quiet-one/).length === 1, 15_000);
    const waited = performance.now() - asked;
    assert.ok(waited < 8_000, `${Math.round(waited)} ms`);
    assert.ok(cardsOf(/flood-/).length < 40, 'the flood is not through yet');
    const limited = (await gateway.events()).filter(
      ({ type, data }) => type === 'call.limited' && data.counter === 'approval.openings',
    );
    assert.equal(limited.length, 10);
    // The line waits for its turn at Slack like everything else, or is told the next time.
    assert.ok(lines().filter((text) => /asked 60 times within a minute/.test(text)).length <= 1);
  });

  test('P5: what is taken back before its card was posted is never posted, and leaves one line', async () => {
    const agent = await agentOf('canceller');
    const calm = await agentOf('calm');
    for (let n = 0; n < 40; n += 1) {
      const sent = agent.call('create_key', { name: `fleeting-${n}` }, patient);
      const { id } = await gateway.pending('create_key', { name: `fleeting-${n}` });
      await agent.cancel(sent.id);
      await gateway.reaches(id, 'withdrawn');
    }
    calm.call('create_key', { name: 'calm-one' });
    await house.slack.waitFor(() => cardsOf(/calm-one/).length === 1, 15_000);
    await eventually('no card waits', async () => {
      const events = await gateway.events();
      const told = events.filter(({ type, data }) => type === 'card.posted' && data.state === 'withdrawn');
      assert.deepEqual(told, []);
      return true;
    });
    const posted = cardsOf(/fleeting-/).length;
    assert.ok(posted <= 8, `${posted} of 40 were posted`);
  });

  test('P5: a grant whose requests are too many bytes is told which setting, how many, and what to do', async () => {
    const agent = await agentOf('heavy');
    const big = 'x'.repeat(90_000);
    for (const nth of [1, 2])
      assert.match(textOf(await agent.call('create_key', { name: `${nth}`, big }).answer), /^Waiting/);
    const text = textOf(await agent.call('create_key', { name: '3', big }).answer);
    assert.match(
      text,
      /^Rate limited: \d+ bytes of requests and results are kept for this grant, this call has \d+, and 200000 may be kept \(approval.kept_bytes\)/,
    );
    assert.match(text, /Nothing was sent to the server/);
    const huge = textOf(await agent.call('create_key', { name: '4', big: 'x'.repeat(250_000) }).answer);
    assert.match(huge, /Make it smaller/);
    assert.match(
      textOf(await agent.call('create_key', { name: '1', big }).answer),
      /^Waiting/,
      'the same call goes on',
    );
  });

  test('P10: a call is not asked about when it is longer than a person is asked to read, and other calls may be', async () => {
    const agent = await agentOf('calm');
    const long = 'x'.repeat(300_001);
    const text = textOf(await agent.call('create_key', { long }).answer);
    assert.match(
      text,
      /^Policy violation: .* its request of 300\d{3} bytes is longer than the 300000 bytes .* \(approval\.max_bytes\)/,
    );
    assert.match(text, /Nothing was sent to the server/);
    assert.doesNotMatch(textOf(await agent.call('read_key', { long }).answer), /^Policy violation/);
  });

  test('P5: the fifty-first caller of one call is told so, and the others get the result', async () => {
    const agents = await Promise.all(Array.from({ length: 51 }, () => agentOf('second')));
    const sent = agents.map((agent) => agent.call('create_key', { name: 'joined' }, patient));
    const { id } = await gateway.pending('create_key', { name: 'joined' });
    await eventually('fifty wait', async () => ((await gateway.approval(id)).callers === 50 ? true : null), 90_000);
    await gateway.api(`/api/approvals/${id}/decisions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ decision: 'approve', fingerprint: (await gateway.approval(id)).fingerprint }),
    });
    const answers = (await Promise.all(sent.map(({ answer }) => answer))).map(textOf);
    assert.equal(answers.filter((text) => text === 'done').length, 50);
    assert.match(answers.find((text) => text !== 'done')!, /^Rate limited: 50 callers already wait for the approval/);
    assert.equal(upstream.count('create_key', { name: 'joined' }), 1);
  });
});
