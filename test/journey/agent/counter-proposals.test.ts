import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Agent, type ApprovalNote, noteOf, type ToolAnswer, textOf } from '../../support/agent/agent.ts';
import { RawAgent } from '../../support/agent/raw.ts';
import { type ApiApproval, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key:
    action: require_approval
    risk: write
    deny_if: [{ path: args.role, op: eq, value: root }]
    redact: [args.seed]
  burst: { action: require_approval, limits: [{ counter: bursts, window: day, max: 1, scope: grant }] }
  charge: { action: require_approval }
  read: { action: require_approval, approval: { quorum: 2 } }
`;

interface Countered extends ApiApproval {
  readonly error?: string;
  readonly reason?: string;
  readonly faults?: readonly { readonly path: string; readonly why: string }[];
  readonly counter?: Countered | null;
  readonly counterOf?: { readonly approval: string; readonly by: string; readonly changes: readonly object[] } | null;
}
type CounterNote = ApprovalNote & {
  readonly counter?: object;
  readonly proposed?: object;
  readonly counterApproval?: { readonly id: string; readonly state: string; readonly until: string };
};

describe('counter-proposals, as agents meet them', () => {
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  const patient = { meta: { progressToken: 'p' } };
  const counterNote = (answer: ToolAnswer) => noteOf(answer) as CounterNote;

  before(async () => {
    upstream = await countingUpstream();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approvers: '[admin, U0MIRA, U0ALEX]',
      approval: '{ timeout: 10m, hold: { default: 400ms, progress: 30s }, max_pending: 5 }',
      grants: ['other'],
    });
    gateway = await house.start();
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  async function decide(id: string, body: object | string, status = 200): Promise<Countered> {
    const answer = await gateway.api(`/api/approvals/${id}/decisions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await answer.text();
    assert.equal(answer.status, status, text);
    return JSON.parse(text) as Countered;
  }
  async function asked(tool: string, args: Record<string, unknown>) {
    const sent = agent.call(tool, args, patient);
    const { id } = await gateway.pending(tool, 'seed' in args ? { ...args, seed: '[redacted]' } : args);
    return { id, answer: sent.answer };
  }

  test('P1: a counter-proposal at its quorum runs once, as proposed and by whose vote, and nothing else does', async () => {
    const { id, answer } = await asked('create_key', { name: 'k1', role: 'admin' });
    const denied = await decide(id, {
      decision: 'deny',
      reason: 'a viewer will do',
      counter: { name: 'k1', role: 'viewer' },
    });
    assert.equal(denied.state, 'denied');
    const opened = denied.counter!;
    assert.equal(opened.state, 'approved');
    assert.deepEqual(
      opened.decisions.map(({ approver, decision }) => [approver, decision]),
      [['admin', 'approve']],
    );
    assert.equal(opened.counterOf?.approval, id);
    assert.deepEqual(opened.counterOf?.changes, [{ path: 'role', before: '"admin"', after: '"viewer"' }]);
    const told = await answer;
    assert.equal(told.isError, true);
    assert.match(
      textOf(told),
      /^Denied by admin with a counter-proposal: this exact call of create_key is approved once until [\d-]+ [\d:]+ UTC: \{"name":"k1","role":"viewer"\}\nThe reason: a viewer will do\n/,
    );
    const note = counterNote(told);
    assert.deepEqual([note.id, note.state, note.counter], [id, 'denied', { name: 'k1', role: 'viewer' }]);
    assert.equal(note.counterApproval?.id, opened.id);
    assert.equal(upstream.count('create_key'), 0, 'nothing runs by itself');

    const other = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.other!);
    assert.match(
      textOf(await other.call('create_key', { name: 'k1', role: 'viewer' }).answer),
      /^Waiting/,
      'another agent',
    );
    assert.match(textOf(await agent.call('create_key', { name: 'k1', role: 'viewer', x: 1 }).answer), /^Waiting/);
    assert.match(textOf(await agent.call('create_key', { name: 'k1', role: 'admin' }).answer), /^Waiting/);
    assert.equal(upstream.count('create_key'), 0);

    assert.equal(textOf(await agent.call('create_key', { name: 'k1', role: 'viewer' }).answer), 'done');
    assert.equal(upstream.count('create_key', { name: 'k1', role: 'viewer' }), 1);
    assert.match(textOf(await agent.call('create_key', { name: 'k1', role: 'viewer' }).answer), /^Waiting/, 'once');
    assert.equal(upstream.count('create_key'), 1);

    const types = async (of: string) =>
      (await gateway.events(of)).filter(({ type }) => !type.startsWith('card.') && type !== 'approval.collected');
    const old = await types(id);
    assert.deepEqual(
      old.map(({ type }) => type),
      ['approval.requested', 'approval.decided'],
    );
    assert.equal(old[1]!.data.counter, opened.id);
    const fresh = await types(opened.id);
    assert.deepEqual(
      fresh.map(({ type }) => type),
      ['approval.requested', 'approval.decided', 'approval.joined', 'call.dispatched', 'call.succeeded'],
    );
    assert.equal(fresh[0]!.actor, 'admin');
    assert.deepEqual(fresh[0]!.data.counterOf, { approval: id, by: 'admin', person: null, via: 'api', depth: 1 });
    for (const one of await gateway.approvals('pending')) await decide(one.id, { decision: 'deny' });
  });

  test('P1: while votes are missing the agent is told what waits, and the same call waits for it', async () => {
    const { id, answer } = await asked('read', { n: 5 });
    const { counter } = await decide(id, { decision: 'deny', counter: { n: 1 } });
    assert.equal(counter?.state, 'pending');
    const told = await answer;
    assert.match(
      textOf(told),
      /^Denied by admin with a counter-proposal: this call of read waits for approval \(1 of 2 so far\)/,
    );
    assert.deepEqual([counterNote(told).counter, counterNote(told).proposed], [undefined, { n: 1 }]);
    const again = agent.call('read', { n: 1 }, patient);
    await gateway.pending('read', { n: 1 });
    assert.equal(upstream.count('read'), 0);
    await house.approve(counter!.id, 'U0MIRA');
    // Without people in the config, the admin token may be either of them.
    await house.approve(counter!.id, 'U0ALEX');
    assert.equal(textOf(await again.answer), 'done');
    assert.deepEqual((await gateway.approval(counter!.id)).decisions.length, 3);
  });

  test('what cannot be proposed is refused in words, and nothing is decided', async () => {
    const { id, answer } = await asked('create_key', { name: 'k2', role: 'admin', seed: 'green-otter-77' });
    const shown = (await gateway.approval(id)).arguments;
    assert.equal(shown.seed, '[redacted]');
    const base = { ...shown, role: 'viewer' };
    const refused: [what: string, counter: unknown, error: string, why: RegExp][] = [
      ['the same', shown, 'bad_counter', /same call/],
      ['what policy denies', { ...base, role: 'root' }, 'bad_counter', /policy denies/i],
      ['another hidden value', { ...base, seed: 'mine' }, 'bad_counter', /seed: this value is hidden/i],
      ['no hidden value', { name: 'k2', role: 'viewer' }, 'bad_counter', /seed: this value is hidden/i],
      ['a new secret', { ...base, token: 'abc' }, 'bad_counter', /token: this value would be hidden/i],
      ['no object', ['x'], 'bad_decision', /counter is an object/],
    ];
    for (const [what, counter, error, why] of refused) {
      const said = await decide(id, { decision: 'deny', counter }, 400);
      assert.equal(said.error, error, what);
      assert.match(said.reason ?? '', why, what);
    }
    const number = `{"decision":"deny","counter":{"name":"k2","role":"viewer","seed":"[redacted]","n":9007199254740993}}`;
    assert.match((await decide(id, number, 400)).reason ?? '', /double cannot keep the number 9007199254740993/);
    const twice = `{"decision":"deny","counter":{"name":"k2","role":"x","role":"viewer","seed":"[redacted]"}}`;
    assert.match((await decide(id, twice, 400)).reason ?? '', /same member twice/);
    await decide(id, { decision: 'approve', counter: base }, 400);
    await decide(id, { decision: 'deny', counter: base, standing: { minutes: 5 } }, 400);
    assert.equal((await gateway.approval(id)).state, 'pending');

    // A member that is called like the prototype is one like any other; the hidden value is kept.
    const proto = `{"decision":"deny","counter":{"name":"k2","role":"viewer","seed":"[redacted]","__proto__":{"role":"root"}}}`;
    const { counter } = await decide(id, proto);
    assert.equal(counter?.state, 'approved');
    const note = JSON.stringify((await answer)._meta);
    assert.match(
      note,
      /"counter":\{"name":"k2","role":"viewer","seed":"green-otter-77","__proto__":\{"role":"root"\}\}/,
    );
    const raw = await RawAgent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!, { modern: false });
    const text =
      '{"name":"create_key","arguments":{"name":"k2","role":"viewer","seed":"green-otter-77","__proto__":{"role":"root"}}}';
    assert.match((await raw.call({ text })).text, /"text":"done"/);
    assert.doesNotMatch(house.slackTraffic() + JSON.stringify(await gateway.events()), /green-otter-77/);
  });

  test('P3: of two who counter at once, or counter and approve, one is first; a decided call cannot be countered', async () => {
    const { id, answer } = await asked('create_key', { name: 'k3', role: 'admin' });
    const send = (body: object) =>
      gateway.api(`/api/approvals/${id}/decisions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const statuses = (
      await Promise.all([
        send({ decision: 'deny', counter: { name: 'k3', role: 'viewer' } }),
        send({ decision: 'deny', counter: { name: 'k3', role: 'editor' } }),
        send({ decision: 'deny', counter: { name: 'k3', role: 'viewer' } }),
      ])
    ).map(({ status }) => status);
    assert.deepEqual(statuses.toSorted(), [200, 409, 409]);
    await answer;
    const all = (await gateway.approvals()).filter(({ arguments: args }) => args.name === 'k3');
    assert.equal(all.length, 2);
    await decide(id, { decision: 'deny', counter: { name: 'k3', role: 'x' } }, 409);

    const { id: raced, answer: end } = await asked('charge', { n: 1 });
    const [countered, approved] = await Promise.all([
      decideAny(raced, { decision: 'deny', counter: { n: 2 } }),
      decideAny(raced, { decision: 'approve' }),
    ]);
    assert.deepEqual([countered.status, approved.status].toSorted(), [200, 409]);
    await end;
    assert.equal(upstream.count('charge', { n: 1 }), approved.status === 200 ? 1 : 0);
    assert.equal(upstream.count('charge', { n: 2 }), 0);
  });
  const decideAny = (id: string, body: object) =>
    gateway.api(`/api/approvals/${id}/decisions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  test('a pass that it gave can be taken back; what waits already is not opened twice; a full limit is told', async () => {
    const { id, answer } = await asked('create_key', { name: 'k4', role: 'admin' });
    const { counter } = await decide(id, { decision: 'deny', counter: { name: 'k4', role: 'viewer' } });
    await answer;
    const again = await asked('create_key', { name: 'k4', role: 'owner' });
    const twice = await decide(again.id, { decision: 'deny', counter: { name: 'k4', role: 'viewer' } }, 400);
    assert.match(twice.reason ?? '', new RegExp(`as ${counter!.id}`));
    const took = await gateway.api(`/api/approvals/${counter!.id}/take-back`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"reason":"no"}',
    });
    assert.equal(took.status, 200);
    await decide(again.id, { decision: 'deny' });
    await again.answer;
    assert.match(textOf(await agent.call('create_key', { name: 'k4', role: 'viewer' }).answer), /^Waiting/);
    assert.equal(upstream.count('create_key', { name: 'k4', role: 'viewer' }), 0);

    const first = await asked('burst', { n: 1 });
    const second = await asked('burst', { n: 2 });
    await decide(first.id, { decision: 'approve' });
    await first.answer;
    const full = await decide(second.id, { decision: 'deny', counter: { n: 3 } }, 400);
    assert.match(full.reason ?? '', /limit bursts is full/i);
    await decide(second.id, { decision: 'deny' });
    for (const one of await gateway.approvals('pending')) await decide(one.id, { decision: 'deny' });
  });

  test('counter-proposals to counter-proposals end after five, and the agent is told of the last', async () => {
    const { id, answer } = await asked('read', { n: 100 });
    let last = id;
    for (const n of [1, 2, 3, 4, 5]) {
      last = (await decide(last, { decision: 'deny', counter: { n } })).counter!.id;
    }
    assert.equal((await decide(last, { decision: 'deny', counter: { n: 6 } }, 403)).error, 'no_counter');
    assert.match(textOf(await answer), /waits for approval .*: \{"n":[1-5]\}/);
    await decide(last, { decision: 'deny' });
  });
});
