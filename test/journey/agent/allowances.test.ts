import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { runCommandLine } from '../../../src/cli/command-line.ts';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { RawAgent } from '../../support/agent/raw.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { keptTerminal } from '../../support/terminal.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key:
    action: require_approval
    risk: write
    severity: medium
    approval:
      allowance:
        max_minutes: 30
        max_calls: 4
        may_vary: [args.name]
        within: [{ path: args.name, op: starts_with, value: ci- }]
  burst: { action: require_approval }
  read: { action: require_approval, approval: { quorum: 2, allowance: { max_minutes: 5, max_calls: 2, may_vary: [args.n] } } }
`;

interface Listed {
  readonly id: string;
  readonly state: string;
  readonly left: number;
  readonly used: number;
  readonly approval: string;
}

describe('allowances and standing denials, as agents meet them', () => {
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  const patient = { meta: { progressToken: 'p' } };
  const open = (grant = 'agent') => Agent.open(`${gateway.url}/mcp/tools`, house.tokens[grant]!);

  before(async () => {
    upstream = await countingUpstream();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approvers: '[admin, U0MIRA, U0ALEX]',
      approval: '{ timeout: 10m, hold: { default: 400ms, progress: 30s }, max_pending: 50 }',
      grants: ['other'],
    });
    gateway = await house.start();
    agent = await open();
  });
  after(async () => {
    await house.close();
    await upstream.close();
  });

  async function api<T>(method: string, path: string, body?: object, status = 200): Promise<T> {
    const answer = await gateway.api(path, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    assert.equal(answer.status, status, text);
    return JSON.parse(text) as T;
  }
  const decide = (id: string, body: object, status = 200) =>
    api<{ state: string; error?: string; gave?: { allowance: Listed | null; denial: Listed | null } }>(
      'POST',
      `/api/approvals/${id}/decisions`,
      body,
      status,
    );
  /** A call that is approved with this allowance. */
  async function allowed(args: Record<string, unknown>, allowance: object): Promise<Listed> {
    const sent = agent.call('create_key', args, patient);
    const { id } = await gateway.pending('create_key', args);
    const decided = await decide(id, { decision: 'approve', allowance });
    assert.equal(textOf(await sent.answer), 'done');
    return decided.gave!.allowance!;
  }
  const listed = async (id: string) =>
    (await api<{ items: Listed[] }>('GET', '/api/allowances')).items.find((one) => one.id === id)!;

  test('P1: the like runs without a question, so often and no more, and each run names whose yes it was', async () => {
    const given = await allowed({ name: 'ci-0', role: 'viewer' }, { minutes: 15, calls: 3 });
    assert.equal(given.left, 3);
    for (const n of [1, 2, 3]) {
      assert.equal(textOf(await agent.call('create_key', { name: `ci-${n}`, role: 'viewer' }).answer), 'done');
      assert.equal((await listed(given.id)).left, 3 - n);
    }
    const fourth = agent.call('create_key', { name: 'ci-4', role: 'viewer' }, patient);
    const asked = await gateway.pending('create_key', { name: 'ci-4', role: 'viewer' });
    assert.equal(upstream.count('create_key', { name: 'ci-4', role: 'viewer' }), 0);
    await decide(asked.id, { decision: 'deny', reason: 'enough' });
    await fourth.answer;
    const runs = (await gateway.approvals('succeeded')).filter((one) => one.arguments.name === 'ci-2');
    assert.equal(runs.length, 1);
    const run = runs[0] as unknown as {
      id: string;
      allowance: string;
      decisions: { approver: string; allowance: string }[];
    };
    assert.equal(run.allowance, given.id);
    assert.deepEqual(
      run.decisions.map(({ approver, allowance }) => [approver, allowance]),
      [['admin', given.id]],
    );
    const types = (await gateway.events(run.id)).map(({ type }) => type);
    assert.deepEqual(
      types.filter((type) => !type.startsWith('card.') && type !== 'approval.collected'),
      ['approval.requested', 'allowance.used', 'call.dispatched', 'call.succeeded'],
    );
    await eventually('it has ended', async () => ((await listed(given.id)).state === 'spent' ? true : null));
    await eventually('the end is logged', async () => {
      const all = await gateway.events(given.approval);
      return all.some(({ type, data }) => type === 'allowance.ended' && data.why === 'spent') ? true : null;
    });
    assert.doesNotMatch(house.slackTraffic(), /ci-2/, 'no card for a use');
  });

  test('P1: nothing widens its bounds', async () => {
    const given = await allowed({ name: 'ci-a', role: 'viewer' }, { minutes: 15, calls: 4 });
    const [raw, modern, other] = await Promise.all([
      RawAgent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!, { modern: false }),
      RawAgent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!, { modern: true }),
      open('other'),
    ]);
    const before = upstream.count('create_key');
    // A client of the other era is held long; that it is held is what counts.
    const hangUp = new AbortController();
    const era = modern
      .call({ text: '{"name":"create_key","arguments":{"name":"ci-era","role":"viewer"}}', signal: hangUp.signal })
      .catch(() => null);
    await gateway.pending('create_key', { name: 'ci-era', role: 'viewer' });
    hangUp.abort();
    await era;
    const outside: Record<string, string> = {
      'another value of what may not vary': '{"name":"ci-b","role":"admin"}',
      'the same in another case': '{"name":"ci-b","role":"Viewer"}',
      'a name in another case': '{"Name":"ci-b","role":"viewer"}',
      'out of the condition': '{"name":"xci-b","role":"viewer"}',
      'the condition in another case': '{"name":"CI-b","role":"viewer"}',
      'with a blank before it': '{"name":" ci-b","role":"viewer"}',
      'letters that look alike': '{"name":"\\u0441i-b","role":"viewer"}',
      'the varied one missing': '{"role":"viewer"}',
      'the varied one null': '{"name":null,"role":"viewer"}',
      'the varied one in a list': '{"name":["ci-b"],"role":"viewer"}',
      'the varied one in an object': '{"name":{"name":"ci-b"},"role":"viewer"}',
      'the varied one a number': '{"name":1,"role":"viewer"}',
      'the other one missing': '{"name":"ci-b"}',
      'the other one null': '{"name":"ci-b","role":null}',
      'the other one in a list': '{"name":"ci-b","role":["viewer"]}',
      'one more argument': '{"name":"ci-b","role":"viewer","admin":true}',
      'one more that is null': '{"name":"ci-b","role":"viewer","admin":null}',
      'a member of an object’s prototype': '{"name":"ci-b","role":"viewer","__proto__":{"role":"admin"}}',
      'a trailing blank in a name': '{"name":"ci-b","role ":"viewer"}',
    };
    const each = Object.entries(outside).map(async ([what, args]) => {
      const { text } = await raw.call({ text: `{"name":"create_key","arguments":${args}}` });
      assert.match(text, /Waiting for approval/, what);
    });
    await Promise.all(each);
    const more: Record<string, { text: string; meta?: string; headers?: Record<string, string> }> = {
      'another member of params': {
        text: '{"name":"create_key","arguments":{"name":"ci-b","role":"viewer"},"mode":"x"}',
      },
      'a member of _meta': {
        text: '{"name":"create_key","arguments":{"name":"ci-b","role":"viewer"}}',
        meta: '"acme.com/tenant":"b"',
      },
      baggage: { text: '{"name":"create_key","arguments":{"name":"ci-b","role":"viewer"}}', meta: '"baggage":"a=b"' },
    };
    for (const [what, call] of Object.entries(more)) {
      assert.match((await raw.call(call)).text, /Waiting for approval/, what);
    }
    assert.match(
      textOf(await other.call('create_key', { name: 'ci-b', role: 'viewer' }).answer),
      /^Waiting/,
      'another grant',
    );
    assert.equal(upstream.count('create_key'), before);
    // What is the same in other bytes lies within.
    const same = await raw.call({ text: '{"name":"create_key","arguments":{"role":"viewer" , "name":"ci-\\u0063"}}' });
    assert.match(same.text, /"text":"done"/);
    assert.equal((await listed(given.id)).used, 1);
    await api('DELETE', `/api/allowances/${given.id}`);
    for (const one of await gateway.approvals('pending')) await decide(one.id, { decision: 'deny', reason: 'x' });
  });

  test('P1: once it is revoked nothing runs under it; it can be revoked once', async () => {
    const given = await allowed({ name: 'ci-r0', role: 'viewer' }, { minutes: 15, calls: 4 });
    const ended = await api<Listed>('DELETE', `/api/allowances/${given.id}`);
    assert.deepEqual([ended.state, ended.left], ['revoked', 0]);
    await api('DELETE', `/api/allowances/${given.id}`, undefined, 409);
    await api('DELETE', '/api/allowances/al_none', undefined, 404);
    assert.match(textOf(await agent.call('create_key', { name: 'ci-r1', role: 'viewer' }).answer), /^Waiting/);
    assert.equal(upstream.count('create_key', { name: 'ci-r1', role: 'viewer' }), 0);
  });

  test('the command line lists it with its uses, and revokes it once', async () => {
    const run = async (...argv: string[]) => {
      const { terminal, out, err } = keptTerminal({ env: { HOLDFAST_ADMIN_TOKEN: house.adminToken } });
      const code = await runCommandLine([...argv, '--url', gateway.url], terminal);
      return { code, out: out(), err: err() };
    };
    const given = await allowed({ name: 'ci-cli', role: 'viewer' }, { minutes: 15, calls: 4 });
    const { out } = await run('allowances', 'list');
    assert.match(
      out,
      new RegExp(`${given.id}  given  tools\\.create_key for agent\n  0 of 4 used, 4 left, until .*, by admin\n`),
    );
    assert.match(out, /may vary: args\.name; where args\.name starts with "ci-"/);
    const json = JSON.parse((await run('allowances', 'list', '--state', 'all', '--json')).out) as { items: Listed[] };
    assert.deepEqual(json.items[0]?.id, given.id);
    assert.match(
      (await run('approvals', 'show', given.approval)).out,
      /admin: approve .*and the like 4 times for 15 minutes/,
    );
    assert.equal((await run('allowances', 'revoke', given.id)).code, 0);
    const twice = await run('allowances', 'revoke', given.id);
    assert.deepEqual([twice.code, twice.err], [1, `${given.id} had ended already: revoked.\n`]);
    assert.equal((await run('allowances', 'list')).out, 'No allowances.\n');
    assert.equal((await run('denials', 'list')).out, 'No standing denials.\n');
    assert.equal((await run('denials', 'revoke', 'sd_none')).code, 1);
  });

  test('P1: taking back the yes that gave it ends it at once', async () => {
    assert.match(textOf(await agent.call('create_key', { name: 'ci-t0', role: 'viewer' }).answer), /^Waiting/);
    const { id } = await gateway.pending('create_key', { name: 'ci-t0' });
    const { gave } = await decide(id, { decision: 'approve', allowance: { minutes: 15, calls: 4 } });
    await api('POST', `/api/approvals/${id}/take-back`, { reason: 'wrong call' });
    assert.equal((await listed(gave!.allowance!.id)).state, 'revoked');
    assert.match(textOf(await agent.call('create_key', { name: 'ci-t1', role: 'viewer' }).answer), /^Waiting/);
    assert.equal(upstream.count('create_key', { name: 'ci-t1', role: 'viewer' }), 0);
    const ended = (await gateway.events(id)).find(({ type }) => type === 'allowance.ended');
    assert.deepEqual([ended?.data.why, ended?.data.takenBack], ['revoked', id]);
  });

  test('P1: a person can narrow it, and nobody can widen it', async () => {
    const sent = agent.call('create_key', { name: 'ci-n0', role: 'viewer' }, patient);
    const { id } = await gateway.pending('create_key', { name: 'ci-n0' });
    const wrong: [object, number, string][] = [
      [{ minutes: 31, calls: 1 }, 403, 'too_wide'],
      [{ minutes: 1, calls: 5 }, 403, 'too_wide'],
      [{ minutes: 0, calls: 1 }, 400, 'bad_decision'],
      [{ minutes: 1.5, calls: 1 }, 400, 'bad_decision'],
      [{ minutes: '5', calls: 1 }, 400, 'bad_decision'],
      [{ minutes: 5 }, 400, 'bad_decision'],
      [{ minutes: 5, calls: 1, may_vary: ['args.role'] }, 400, 'bad_decision'],
      [{ minutes: 5, calls: 1, within: [{ path: 'args.name' }] }, 400, 'bad_decision'],
      [{ minutes: 5, calls: 1, within: 'args.name' }, 400, 'bad_decision'],
    ];
    for (const [allowance, status, error] of wrong) {
      assert.equal(
        (await decide(id, { decision: 'approve', allowance }, status)).error,
        error,
        JSON.stringify(allowance),
      );
    }
    const hidden = [{ path: 'args.password', op: 'starts_with', value: 'h' }];
    const tested = await decide(id, { decision: 'approve', allowance: { minutes: 5, calls: 1, within: hidden } }, 403);
    assert.equal(tested.error, 'hidden_condition');
    await decide(id, { decision: 'deny', allowance: { minutes: 1, calls: 1 } }, 400);
    // What is not acted on is not passed over.
    const both = { decision: 'approve', allowance: { minutes: 5, calls: 1 }, standing: { minutes: 5 } };
    for (const body of [both, { decision: 'approve', counter: 3 }, { decision: 'deny', counter: 3 }]) {
      assert.equal((await decide(id, body, 400)).error, 'bad_decision', JSON.stringify(body));
    }
    await decide(id, { decision: 'approve', standing: { minutes: 1 } }, 400);
    assert.equal((await gateway.approval(id)).state, 'pending');
    const within = [{ path: 'args.name', op: 'regex', value: '^ci-n[0-9]$' }];
    const { gave } = await decide(id, { decision: 'approve', allowance: { minutes: 5, calls: 2, within } });
    await sent.answer;
    assert.match(textOf(await agent.call('create_key', { name: 'ci-nx', role: 'viewer' }).answer), /^Waiting/);
    assert.equal(textOf(await agent.call('create_key', { name: 'ci-n1', role: 'viewer' }).answer), 'done');
    await api('DELETE', `/api/allowances/${gave!.allowance!.id}`);
  });

  test('P1: where policy offers none, none can be given, and the call stays as it was', async () => {
    const sent = agent.call('burst', { n: 1 }, patient);
    const { id } = await gateway.pending('burst', { n: 1 });
    assert.equal(
      (await decide(id, { decision: 'approve', allowance: { minutes: 1, calls: 1 } }, 403)).error,
      'no_allowance',
    );
    await decide(id, { decision: 'approve' });
    assert.equal(textOf(await sent.answer), 'done');
  });

  test('P1: with a quorum it needs all votes for the same bounds; else the call alone is approved', async () => {
    const sent = agent.call('read', { n: 1 }, patient);
    const { id } = await gateway.pending('read', { n: 1 });
    const first = await decide(id, { decision: 'approve', allowance: { minutes: 5, calls: 2 } });
    assert.deepEqual([first.state, first.gave!.allowance], ['pending', null]);
    // The admin token may be anybody's: two others make up the quorum.
    await house.approve(id, 'U0MIRA');
    await house.approve(id, 'U0ALEX');
    assert.equal(textOf(await sent.answer), 'done');
    assert.match(textOf(await agent.call('read', { n: 2 }).answer), /^Waiting/);
  });

  test('P1: what it rests on changes, and it ends, with an event that says why', async () => {
    const given = await allowed({ name: 'ci-p0', role: 'viewer' }, { minutes: 15, calls: 4 });
    house.writePolicy('tools', `${POLICY}# changed\n`);
    await eventually('it has ended', async () => ((await listed(given.id)).state === 'policy' ? true : null));
    assert.match(textOf(await agent.call('create_key', { name: 'ci-p1', role: 'viewer' }).answer), /^Waiting/);
    const ended = (await gateway.events(given.approval)).find(({ type }) => type === 'allowance.ended');
    assert.deepEqual([ended?.data.why, ended?.actor], ['policy', 'holdfast']);
  });

  test('P3: a standing denial answers the same question at once with the reason, until it is lifted', async () => {
    const sent = agent.call('burst', { flood: 1 }, patient);
    const { id } = await gateway.pending('burst', { flood: 1 });
    const { gave } = await decide(id, { decision: 'deny', reason: 'not today', standing: { minutes: 60 } });
    assert.match(textOf(await sent.answer), /^Denied by admin: not today/);
    const pending = (await gateway.approvals('pending')).length;
    for (const _ of [1, 2, 3]) {
      const answer = await agent.call('burst', { flood: 1 }).answer;
      assert.equal(answer.isError, true);
      assert.match(textOf(answer), /^Denied by admin: not today/);
    }
    assert.equal((await gateway.approvals('pending')).length, pending);
    assert.match(textOf(await agent.call('burst', { flood: 2 }).answer), /^Waiting/, 'another call');
    const other = await open('other');
    assert.match(textOf(await other.call('burst', { flood: 1 }).answer), /^Waiting/, 'another grant');
    const used = (await gateway.events()).filter(({ type }) => type === 'denial.used');
    assert.equal(used.length, 3);
    const { items } = await api<{ items: Listed[] }>('GET', '/api/denials?state=living');
    assert.deepEqual(
      items.map((one) => one.id),
      [gave!.denial!.id],
    );
    await api('DELETE', `/api/denials/${gave!.denial!.id}`);
    assert.match(textOf(await agent.call('burst', { flood: 1 }).answer), /^Waiting/);
    assert.equal(noteOf(await agent.call('burst', { flood: 1 }).answer).state, 'pending');
  });
});
