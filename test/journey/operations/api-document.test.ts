import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Agent, noteOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';

interface Operation {
  readonly security: readonly object[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: object } } };
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, { schema?: object }>> }>>;
}
interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: object;
}

const POLICY = `version: "1"
default: deny
tools:
  read: {}
  create_key: { action: require_approval, risk: write, severity: high, reason: A key outlives the session. }
  charge: { action: require_approval, approval: { deny_reason: required } }
  burst: { action: require_approval, approval: { allowance: { max_minutes: 30, max_calls: 5, may_vary: [args.n] } } }
`;

describe('what the running program answers is what its description says', () => {
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let described: Described;
  let agent: Agent;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  const answered = new Set<string>();

  before(async () => {
    upstream = await countingUpstream();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      grants: ['second'],
      approval: '{ timeout: 10m, hold: { default: 300ms, progress: 60s } }',
      slack: false,
    });
    gateway = await house.start();
    described = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as Described;
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  });
  after(async () => {
    await house?.close();
    await upstream.close();
  });

  /** Asks with the admin token, and checks status, media type, body and shape by the description of `path`. */
  async function ask<T = Record<string, unknown>>(
    asked: string,
    path: string,
    real: string,
    allowed: number | readonly number[],
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<T> {
    const operation = described.paths[path]?.[asked.toLowerCase()];
    assert.ok(operation, `${asked} ${path} is described`);
    const response = await gateway.api(real, {
      method: asked,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const expected = response.status;
    assert.ok([allowed].flat().includes(expected), `${asked} ${real}: ${expected} ${text}`);
    const answer = operation.responses[expected];
    assert.ok(answer, `${asked} ${path} is described with ${expected}`);
    const media = (response.headers.get('content-type') ?? '').split(';')[0]!;
    assert.ok(Object.hasOwn(answer.content, media), `${media} of ${asked} ${path}`);
    answered.add(`${asked} ${path}`);
    const schema = answer.content[media]?.schema;
    if (schema === undefined) return text as T;
    conforms(schema, JSON.parse(text), `${asked} ${real}`);
    if (expected < 300 && body) conforms(operation.requestBody!.content['application/json'].schema, body, 'the body');
    return JSON.parse(text) as T;
  }

  function conforms(schema: object, value: unknown, what: string): void {
    const check = ajv.compile({ ...schema, components: described.components });
    assert.ok(check(value), `${what}: ${ajv.errorsText(check.errors)}\n${JSON.stringify(value).slice(0, 2_000)}`);
  }

  const approval = async (tool: string, args: Record<string, unknown>): Promise<string> => {
    return noteOf(await agent.call(tool, args, { meta: { 'holdfast/reason': 'the release needs it' } }).answer).id;
  };

  test('approvals: read, decided, taken back, refused', async () => {
    const id = await approval('create_key', { name: 'ci', token: 'abcdef-secret' });
    const other = await approval('charge', { amount: 3 });
    const page = await ask<{ next: string | null }>('GET', '/api/approvals', '/api/approvals?limit=1', 200);
    assert.notEqual(page.next, null);
    await ask('GET', '/api/approvals', '/api/approvals?state=nonsense', 400);
    await ask('GET', '/api/approvals', '/api/approvals?limit=501', 400);
    const one = await ask<{ fingerprint: string }>('GET', '/api/approvals/{id}', `/api/approvals/${id}`, 200);
    await ask('GET', '/api/approvals/{id}', '/api/approvals/nothing', 404);
    await ask('GET', '/api/approvals/{id}/evidence', `/api/approvals/${id}/evidence`, 200);
    await ask('GET', '/api/approvals/{id}/evidence', '/api/approvals/nothing/evidence', 404);
    const decide = (real: string, status: number, body: object) =>
      ask<{ error: string }>('POST', '/api/approvals/{id}/decisions', `/api/approvals/${real}/decisions`, status, body);
    assert.equal((await decide(id, 400, { decision: 'perhaps' })).error, 'bad_decision');
    assert.equal((await decide(id, 403, { decision: 'approve', fingerprint: 'ff' })).error, 'other_call');
    assert.equal((await decide(other, 403, { decision: 'deny' })).error, 'reason_required');
    const aside = (method: 'POST' | 'DELETE', real: string, status: number, body?: object) =>
      ask<{ error?: string }>(method, '/api/approvals/{id}/snooze', `/api/approvals/${real}/snooze`, status, body);
    await aside('POST', id, 400, { minutes: 0.5 });
    await aside('POST', id, 400, { minutes: 5, for: 'everybody' });
    assert.equal((await aside('POST', id, 409, { minutes: 1440 })).error, 'expires_before');
    await aside('POST', 'nothing', 404, { minutes: 5 });
    await aside('POST', id, 200, { minutes: 5 });
    const own = await ask<{ items: { approval: string }[] }>('GET', '/api/snoozes', '/api/snoozes', 200);
    assert.deepEqual(
      own.items.map((each) => each.approval),
      [id],
    );
    await aside('DELETE', id, 200);
    await aside('DELETE', id, 404);
    await decide(id, 200, { decision: 'approve', reason: 'fine', fingerprint: one.fingerprint });
    assert.equal((await aside('POST', id, 409, { minutes: 5 })).error, 'already_decided');
    await ask('POST', '/api/approvals/{id}/take-back', `/api/approvals/${id}/take-back`, 200, { reason: 'not today' });
    await ask('POST', '/api/approvals/{id}/take-back', `/api/approvals/${id}/take-back`, 409, {});
    await ask('POST', '/api/approvals/{id}/take-back', `/api/approvals/${id}/take-back`, 400, { reason: 3 });
    await decide(other, 200, { decision: 'deny', reason: 'no' });
    await decide(other, 409, { decision: 'approve' });
    const erase = (real: string, status: number, body: object) =>
      ask<{ error?: string }>('POST', '/api/approvals/{id}/erase', `/api/approvals/${real}/erase`, status, body);
    assert.equal((await erase(other, 400, {})).error, 'bad_reason');
    assert.equal((await erase(other, 400, { reason: 'gdpr', dryRun: true })).error, 'bad_body');
    await erase('ap_nothing', 404, { reason: 'gdpr' });
    const matching = (status: number, body: object) =>
      ask<{ error?: string }>('POST', '/api/erasures', '/api/erasures', status, body);
    assert.equal((await matching(400, { matching: 'ab', dryRun: true })).error, 'bad_text');
    assert.equal((await matching(400, { matching: 'abcdef', dryRun: false })).error, 'bad_reason');
    await matching(200, { matching: 'abcdef', dryRun: true });
    await ask('GET', '/api/approvals', '/api/approvals', 200);
  });

  test('oversight: the report, and as files', async () => {
    const of = <T>(end: string, query: string, status: number) =>
      ask<T>('GET', `/api/oversight${end}`, `/api/oversight${end}?${query}`, status);
    for (const end of ['', '/report.csv', '/report.html']) {
      await of(end, 'quarter=2026-Q4', 200);
      await of(end, 'from=2026-01-01&to=2026-01-31', 200);
      await of(end, 'quarter=2026-Q5', 400);
      await of(end, 'from=2026-01-01', 400);
    }
  });

  test('policies: replayed, suggested, refused', async () => {
    const since = new Date(Date.now() - 3_600_000).toISOString();
    const replay = (status: number, body: object) =>
      ask<{ error?: string }>('POST', '/api/policy/replay', '/api/policy/replay', status, body);
    await replay(200, { since });
    await replay(200, { since, server: 'tools', policy: POLICY, format: 'yaml' });
    assert.equal((await replay(400, { since: 'lately' })).error, 'bad_replay');
    assert.equal((await replay(400, { since, more: 1 })).error, 'bad_replay');
    assert.equal((await replay(404, { since, server: 'nobody' })).error, 'unknown_server');
    assert.equal((await replay(400, { since, policy: ' '.repeat(130 * 1024) })).error, 'bad_replay');
    const pattern = (times: number) => `{ path: args.a, op: regex, value: "${'x{1000}'.repeat(times)}" }`;
    for (const many of [[pattern(280)], Array(8).fill(pattern(15))]) {
      const policy = `version: "1"\ndefault: deny\ntools: { t: { deny_if: [${many.join(', ')}] } }\n`;
      assert.equal((await replay(400, { since, server: 'tools', policy })).error, 'bad_policy');
    }
    const strange = POLICY.replace('charge: { action: require_approval, approval: {', '$&approvers: [nobody], ');
    for (const policy of ['default: [', strange]) {
      const { error, reason } = await ask<{ error: string; reason: string }>(
        'POST',
        '/api/policy/replay',
        '/api/policy/replay',
        400,
        { since, policy },
      );
      assert.equal(error, 'bad_policy', reason);
    }
    await ask('POST', '/api/policy/suggest', '/api/policy/suggest', 200, { since });
    await ask('POST', '/api/policy/suggest', '/api/policy/suggest', 404, { since, server: '' });
  });

  test('P3: calls that are decided together: all, or none and which were in the way', async () => {
    const ids = [await approval('create_key', { name: 'a' }), await approval('create_key', { name: 'b' })];
    const asked = [...ids, await approval('charge', { amount: 9 })];
    type One = { id: string; state: string; fingerprint: string; revision: number };
    const read = (id: string) => ask<One>('GET', '/api/approvals/{id}', `/api/approvals/${id}`, 200);
    const items = async (of: readonly string[]) =>
      (await Promise.all(of.map(read))).map(({ id, fingerprint, revision }) => ({ id, fingerprint, revision }));
    const decide = (status: number, body: object) =>
      ask<{ error: string; items: { id: string; state: string; why: string }[] }>(
        'POST',
        '/api/decisions',
        '/api/decisions',
        status,
        body,
      );
    const why = async (status: number, body: object) =>
      (await decide(status, body)).items.map((item) => [item.id, item.state, item.why]);
    const all = await items(asked);
    const [a, b, charge] = all as [(typeof all)[0], (typeof all)[0], (typeof all)[0]];
    for (const wrong of [
      { decision: 'perhaps', items: all },
      { decision: 'approve' },
      { decision: 'approve', items: [] },
      { decision: 'approve', items: [a, a] },
      { decision: 'approve', items: [{ id: a.id, fingerprint: a.fingerprint }] },
      { decision: 'approve', items: all, allowance: { minutes: 5, calls: 2 } },
      { decision: 'approve', items: Array.from({ length: 26 }, (_, n) => ({ ...a, id: `ap_${n}` })) },
    ])
      assert.equal((await decide(400, wrong)).error, 'bad_decision', JSON.stringify(wrong).slice(0, 80));
    assert.deepEqual(await why(403, { decision: 'deny', items: all }), [[charge.id, 'pending', 'reason_required']]);
    // P10: each is bound by its own fingerprint and by the revision that was shown.
    const swapped = [{ ...a, fingerprint: b.fingerprint }, b];
    assert.deepEqual(await why(403, { decision: 'approve', items: swapped }), [[a.id, 'pending', 'other_call']]);
    const older = [{ ...a, revision: a.revision - 1 }, b];
    assert.deepEqual(await why(409, { decision: 'approve', items: older }), [[a.id, 'pending', 'changed']]);
    const gone = [a, { ...b, id: 'ap_nothing' }];
    assert.deepEqual(await why(404, { decision: 'approve', items: gone }), [['ap_nothing', null, 'not_found']]);
    await ask('POST', '/api/approvals/{id}/decisions', `/api/approvals/${a.id}/decisions`, 200, { decision: 'deny' });
    assert.deepEqual(await why(409, { decision: 'approve', items: all }), [[a.id, 'denied', 'already_decided']]);
    for (const { id } of [b, charge]) assert.equal((await read(id)).state, 'pending');
    const { items: decided } = await decide(200, { decision: 'approve', reason: 'both seen', items: [b, charge] });
    assert.deepEqual(
      decided.map(({ id, state }) => [id, state]),
      [
        [b.id, 'approved'],
        [charge.id, 'approved'],
      ],
    );
    const events = await gateway.events();
    const batches = [b, charge].map(
      ({ id }) => events.find((event) => event.approval === id && event.type === 'approval.decided')!.data.batch,
    );
    assert.deepEqual(batches[0], batches[1], 'the log says what was decided together');
    assert.ok(events.some(({ type, approval: of }) => type === 'approval.refused' && of === a.id));
  });

  test('allowances and standing denials', async () => {
    const args = { n: 1 };
    const id = await approval('burst', args);
    const decide = (real: string, status: number, body: object) =>
      ask<{ error?: string; gave?: { allowance: { id: string } | null; denial: { id: string } | null } }>(
        'POST',
        '/api/approvals/{id}/decisions',
        `/api/approvals/${real}/decisions`,
        status,
        body,
      );
    const more = { minutes: 60, calls: 1 };
    assert.equal((await decide(id, 403, { decision: 'approve', allowance: more })).error, 'too_wide');
    const within = [{ path: 'args.n', op: 'lt', value: 9 }];
    const { gave } = await decide(id, 200, { decision: 'approve', allowance: { minutes: 5, calls: 2, within } });
    await ask('GET', '/api/approvals/{id}', `/api/approvals/${id}`, 200);
    const other = await approval('burst', { n: 10 });
    const denied = await decide(other, 200, { decision: 'deny', reason: 'no', standing: { minutes: 60 } });
    for (const [what, one] of [
      ['allowances', gave!.allowance!.id],
      ['denials', denied.gave!.denial!.id],
    ] as const) {
      const page = await ask<{ items: { id: string }[] }>(
        'GET',
        `/api/${what}`,
        `/api/${what}?state=living&limit=5`,
        200,
      );
      assert.deepEqual(
        page.items.map((item) => item.id),
        [one],
      );
      await ask('GET', `/api/${what}`, `/api/${what}?state=some`, 400);
      await ask('GET', `/api/${what}`, `/api/${what}?limit=0`, 400);
      await ask('DELETE', `/api/${what}/{id}`, `/api/${what}/${one}`, 200);
      await ask('DELETE', `/api/${what}/{id}`, `/api/${what}/${one}`, 409);
      await ask('DELETE', `/api/${what}/{id}`, `/api/${what}/none`, 404);
      await ask('GET', `/api/${what}`, `/api/${what}?state=ended`, 200);
    }
  });

  test('freezes', async () => {
    const freeze = (status: number, body: object) =>
      ask<{ id: string }>('POST', '/api/freeze', '/api/freeze', status, body);
    await freeze(400, { scope: 'some', reason: 'x' });
    await freeze(400, { scope: 'all', reason: '' });
    await freeze(404, { scope: { server: 'elsewhere' }, reason: 'x' });
    const { id } = await freeze(201, { scope: { server: 'tools' }, reason: 'an incident' });
    await freeze(409, { scope: { server: 'tools' }, reason: 'again' });
    await ask('GET', '/api/freeze', '/api/freeze', 200);
    // On a busy machine the store may be slow to answer, which is described too.
    await ask('GET', '/readyz', '/readyz', [200, 503]);
    await ask('DELETE', '/api/freeze/{id}', `/api/freeze/${id}`, 400, {});
    await ask('DELETE', '/api/freeze/{id}', `/api/freeze/${id}`, 200, { reason: 'over' });
    await ask('DELETE', '/api/freeze/{id}', `/api/freeze/${id}`, 409, { reason: 'over' });
    await ask('DELETE', '/api/freeze/{id}', '/api/freeze/none', 404, { reason: 'over' });
  });

  test('grants', async () => {
    await ask('GET', '/api/grants', '/api/grants', 200);
    await ask('DELETE', '/api/grants/{name}', '/api/grants/second', 400, {});
    await ask('DELETE', '/api/grants/{name}', '/api/grants/nobody', 404, { reason: 'leaked' });
    await ask('DELETE', '/api/grants/{name}', '/api/grants/second', 200, { reason: 'leaked' });
    await ask('DELETE', '/api/grants/{name}', '/api/grants/second', 409, { reason: 'leaked' });
    await ask('GET', '/api/grants', '/api/grants', 200);
  });

  test('people and their tokens, which the admin token makes for nobody', async () => {
    await ask('GET', '/api/people', '/api/people', 200);
    await ask('GET', '/api/tokens', '/api/tokens', 200);
    await ask('POST', '/api/tokens', '/api/tokens', 403, { name: 'ci', role: 'auditor' });
    await ask('DELETE', '/api/tokens/{id}', '/api/tokens/none', 404);
    await ask('GET', '/api/keys', '/api/keys', 200);
    await ask('POST', '/api/keys/challenge', '/api/keys/challenge', 403, {});
    await ask('POST', '/api/keys', '/api/keys', 403, { name: 'laptop', nonce: 'n', credential: {} });
    await ask('POST', '/api/keys/{id}/register', '/api/keys/none/register', 404, {});
    await ask('DELETE', '/api/keys/{id}', '/api/keys/none', 404, {});
    await ask('POST', '/api/approvals/{id}/challenge', '/api/approvals/none/challenge', 403, {});
    const signed = { nonce: 'n', credential: {}, reason: null, fingerprint: null };
    await ask('POST', '/api/approvals/{id}/signatures', '/api/approvals/none/signatures', 403, signed);
  });

  test('the log, its checkpoints and what accepting would do', async () => {
    await ask('GET', '/api/events', '/api/events?limit=500', 200);
    await ask('GET', '/api/events', '/api/events?type=approval.decided', 200);
    await ask('GET', '/api/events', '/api/events?type=no.such', 400);
    await ask('GET', '/api/events', '/api/events?after=-1', 400);
    const tail = await ask<{ items: object[] }>('GET', '/api/events/tail', '/api/events/tail?after=0&wait=20', 200);
    assert.ok(tail.items.length > 0);
    await ask('GET', '/api/events/tail', '/api/events/tail?after=x', 400);
    await ask('GET', '/api/events/export', '/api/events/export?cards=1', 200);
    await ask('GET', '/api/checkpoints', '/api/checkpoints', 200);
    await ask('GET', '/api/store/accept', '/api/store/accept', 200);
    await ask('POST', '/api/store/accept', '/api/store/accept', 400, {});
    await ask('POST', '/api/store/accept', '/api/store/accept', 200, { reason: 'a drill', dryRun: true });
  });

  test('what needs no token', async () => {
    await ask('GET', '/healthz', '/healthz', 200);
    await ask('GET', '/metrics', '/metrics', 200);
    await ask('GET', '/schema/policy.json', '/schema/policy.json', 200);
    await ask('GET', '/openapi.json', '/openapi.json', 200);
  });

  test('every described route was answered; those with a token refuse whoever has none, or a wrong one', async () => {
    for (const [path, operations] of Object.entries(described.paths)) {
      for (const [word, { security, responses }] of Object.entries(operations)) {
        const method = word.toUpperCase();
        assert.ok(answered.has(`${method} ${path}`), `${method} ${path} was not asked`);
        const real = `${gateway.url}${path.replaceAll(/\{\w+\}/g, 'x')}`;
        const init = {
          method,
          ...(method === 'GET' ? {} : { body: '{}', headers: { 'content-type': 'application/json' } }),
        };
        const { status } = await fetch(real, init);
        const open = security.length === 0 || security.some((one) => Object.keys(one).length === 0);
        assert.equal(status === 401, !open, `${method} ${path}: ${status}`);
        if (open) continue;
        const wrong = await fetch(real, { ...init, headers: { ...init.headers, authorization: 'Bearer no' } });
        assert.ok(wrong.status === 401 || wrong.status === 429, `${method} ${path}: ${wrong.status}`);
        conforms(
          responses[wrong.status]!.content['application/json']!.schema!,
          await wrong.json(),
          `${method} ${path}`,
        );
      }
    }
  });

  test('other methods and other paths of the API are not there', async () => {
    for (const [path, operations] of Object.entries(described.paths)) {
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
        if (Object.hasOwn(operations, method.toLowerCase())) continue;
        const { status } = await gateway.api(path.replaceAll(/\{\w+\}/g, 'x'), {
          method,
          ...(method === 'GET' ? {} : { body: '{}', headers: { 'content-type': 'application/json' } }),
        });
        assert.equal(status, 404, `${method} ${path}`);
      }
    }
    for (const path of ['/api', '/api/', '/api/decisions', '/api/persons', '/api/approvals/x/y', '/openapi.yaml']) {
      assert.equal((await gateway.api(path)).status, 404, path);
    }
  });
});
