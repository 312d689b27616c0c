import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import { unpackCard } from '../../../src/sql/approval/packed-card.ts';
import { Agent } from '../../support/agent/agent.ts';
import { type Collector, collector, signedWith } from '../../support/audit/collector.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
  some: { limits: [{ counter: some_rate, window: day, max: 1, scope: grant }] }
  create_key: { action: require_approval, reason: Makes a credential., redact: [args.seed, args.api_token] }
`;
const ROOT = new URL('../../..', import.meta.url).pathname;
const SHARED = 'what both ends know';
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const MARKERS = { seed: 'marker-seed', api_token: 'marker-token' };
const RESULT = 'marker-result';
const HEADER = 'marker-header';

describe('the audit log of a running gateway', () => {
  let upstream: Collector;
  let siem: Collector;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  let failures = 2;
  /** Bodies that were fetched from the gateway, by path. */
  const fetched = new Map<string, string>();

  before(async () => {
    upstream = await collector();
    upstream.answer = ({ body }) => {
      const { id, method } = JSON.parse(body) as { id?: number; method: string };
      if (id === undefined) return { status: 202 };
      const result =
        method === 'initialize'
          ? { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: { name: 'x', version: '1' } }
          : { content: [{ type: 'text', text: RESULT }] };
      const session: Record<string, string> = method === 'initialize' ? { 'mcp-session-id': 'one' } : {};
      const headers = { 'x-of-the-server': HEADER, 'set-cookie': `it=${HEADER}`, ...session };
      return { status: 200, headers, body: JSON.stringify({ jsonrpc: '2.0', id, result }) };
    };
    siem = await collector();
    siem.answer = () => ({ status: failures-- > 0 ? 503 : 200 });
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}/mcp"`, policy: POLICY } },
      approvers: '[U0MIRA, U0ALEX, admin]',
      env: { HOLDFAST_AUDIT_WEBHOOK: `${siem.url}/in?key=marker-address`, HOLDFAST_AUDIT_WEBHOOK_SECRET: SHARED },
    });
    gateway = await house.start();
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  });
  after(async () => {
    await house.close();
    await Promise.all([upstream.close(), siem.close()]);
  });

  /** A `tools/call` with extra headers; returns the answer's text. */
  async function call(name: string, args: object, headers: Record<string, string> = {}): Promise<string> {
    const message = { jsonrpc: '2.0', id: 77, method: 'tools/call', params: { name, arguments: args } };
    return (await agent.post(message, { headers })).text();
  }

  function terminal(args: readonly string[], env: Record<string, string> = {}) {
    const child = spawn(process.execPath, ['src/cli/cli.ts', 'audit', ...args], {
      cwd: ROOT,
      env: { PATH: process.env.PATH ?? '', HOLDFAST_ADMIN_TOKEN: house.adminToken, ...env },
    });
    const output = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output.out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.err += text;
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    return { output, ended, kill: () => child.kill('SIGKILL') };
  }

  async function cli(args: readonly string[], env: Record<string, string> = {}) {
    const { output, ended } = terminal(args, env);
    const code = await ended;
    return { code, ...output };
  }

  test('P7: every step is an event that says who, what, why, when and where', async () => {
    await call('read', { x: 1 });
    await call('never_heard_of', {});
    await call('some', {});
    await call('some', {});
    const held = call('create_key', { name: 'ci', ...MARKERS }, { traceparent: TRACE, 'x-of-the-agent': HEADER });
    const { id } = await gateway.pending('create_key');
    await house.slack.click({
      user: 'U0SAM',
      channel: 'C0APPROVALS',
      ts: (await house.card(id)).ts,
      actionId: 'approve',
    });
    await house.approve(id);
    assert.match(await held, new RegExp(RESULT));
    const withdrawn = agent.call('create_key', { name: 'two' });
    const second = await gateway.pending('create_key', { name: 'two' });
    await agent.cancel(withdrawn.id, 'changed my mind');
    await gateway.reaches(second.id, 'withdrawn');
    assert.equal((await fetch(`${gateway.url}/mcp/tools`, { method: 'POST' })).status, 401);

    const wanted = [
      ...['gateway.started', 'policy.loaded', 'grant.used', 'access.refused', 'call.allowed', 'call.denied'],
      ...['call.limited', 'approval.requested', 'card.posted', 'approval.refused', 'approval.decided'],
      ...['call.dispatched', 'call.succeeded', 'approval.collected', 'approval.caller_left', 'approval.withdrawn'],
    ];
    const events = await eventually('every kind of event', async () => {
      const all = (await gateway.events()) as (Awaited<ReturnType<typeof gateway.events>>[number] & { at: string })[];
      return wanted.every((type) => all.some((one) => one.type === type)) ? all : null;
    });
    const of = (type: string) => events.find((one) => one.type === type)!;
    const raw = (await (await gateway.api('/api/events/tail?after=0')).json()) as { items: Record<string, unknown>[] };
    assert.ok(raw.items.every((one) => typeof one.replica === 'string' && one.replica !== ''));
    assert.ok(Array.isArray(of('call.denied').data.trace));
    assert.match(String(of('call.denied').data.policy), /\w{8}/);
    const decided = of('approval.decided');
    assert.equal(decided.actor, 'slack:U0MIRA');
    assert.ok(Number(decided.data.waitedMs) >= 0);
    assert.ok((decided.data.card as { digest: string }).digest);
    const ended = of('call.succeeded').data;
    assert.match(String(ended.digest), /^[0-9a-f]{64}$/);
    assert.ok(Number(ended.bytes) > 0 && Number(ended.upstreamMs) >= 0 && ended.result === 'result');
    assert.equal(of('access.refused').data.status, 401);
    assert.equal(events.filter((one) => one.type === 'grant.used').length, 1);
  });

  test('P9: traceparent reaches the server with the call, held or not', async () => {
    await call('read', {}, { traceparent: TRACE, tracestate: 'a=1' });
    const calls = upstream.received.filter(({ body }) => body.includes('tools/call') && body.includes('"create_key"'));
    assert.deepEqual(
      calls.map(({ headers }) => headers.traceparent),
      [TRACE],
    );
    const last = upstream.received.at(-1)!;
    assert.deepEqual([last.headers.traceparent, last.headers.tracestate], [TRACE, 'a=1']);
  });

  test('P4: a collector gets every sealed event, signed, in order, also after it failed', async () => {
    const head = async (): Promise<number> =>
      Number(((await (await gateway.api('/api/events/tail')).json()) as { next: string }).next);
    const taken = await eventually('the collector has them', async () => {
      const seqs = siem.received.slice(2).flatMap(({ body }) =>
        body
          .trim()
          .split('\n')
          .map((line) => (JSON.parse(line) as { seq: number }).seq),
      );
      return seqs.length > 0 && seqs.at(-1)! >= (await head()) ? seqs : null;
    });
    assert.deepEqual(
      taken,
      taken.map((_, index) => index + 1),
    );
    assert.ok(siem.received.every((one) => signedWith(SHARED, one)));
    assert.equal(siem.received[0]!.body.split('\n')[0], siem.received[2]!.body.split('\n')[0]);
  });

  test('searches by each filter, over HTTP and from a terminal', async () => {
    const filters: [string, RegExp][] = [
      ['type=call.denied', /"type":"call\.denied"/],
      ['approver=U0MIRA', /"actor":"slack:U0MIRA"/],
      ['grant=agent&tool=some', /"tool":"some"/],
      ['state=withdrawn', /"approval":"ap_/],
      ['text=changed+mind', /caller_left|withdrawn/],
      ['since=2020-01-01&server=tools&limit=3', /"server":"tools"/],
    ];
    for (const [query, says] of filters) {
      const { items } = (await (await gateway.api(`/api/events?${query}`)).json()) as { items: object[] };
      assert.ok(items.length > 0, query);
      for (const item of items) assert.match(JSON.stringify(item), says, query);
    }
    assert.equal((await gateway.api('/api/events?type=nonsense')).status, 400);
    const { code, out, err } = await cli(['list', '--approver', 'U0MIRA', '--url', gateway.url]);
    assert.equal(code, 0, err);
    assert.match(out, /approval\.decided +slack:U0MIRA +tools\.create_key +ap_\w+ +choice=approve/);
    assert.equal((await fetch(`${gateway.url}/api/events/export`)).status, 401);
  });

  test('audit tail tells each event once, in order, as it is sealed, until it is stopped', async () => {
    const tail = terminal(['tail', '--json', '--url', gateway.url]);
    const lines = () => tail.output.out.split('\n').filter((line) => line !== '');
    try {
      // The tail begins at the log's end, so make calls until one of them appears.
      let tries = 0;
      await eventually('the tail follows', async () => {
        tries += 1;
        await call(`unheard_of_${tries}`, {});
        return lines().length > 0 ? true : null;
      });
      for (const name of ['tailed_1', 'tailed_2', 'tailed_3']) await call(name, {});
      const all = await eventually('the last one', () => (tail.output.out.includes('"tailed_3"') ? lines() : null));
      const events = all.map((line) => JSON.parse(line) as { seq: number; type: string; tool: string | null });
      const first = events[0]!.seq;
      assert.deepEqual(
        events.map(({ seq }) => seq - first),
        events.map((_, index) => index),
      );
      const tailed = events.filter(({ tool }) => tool?.startsWith('tailed_'));
      assert.deepEqual(
        tailed.map(({ type, tool }) => [type, tool]),
        ['tailed_1', 'tailed_2', 'tailed_3'].map((tool) => ['call.denied', tool]),
      );
      assert.equal(tail.output.err, '');
    } finally {
      tail.kill();
      await tail.ended;
    }
    const refused = await cli(['tail', '--url', gateway.url], { HOLDFAST_ADMIN_TOKEN: 'not-the-admin-token' });
    assert.equal(refused.code, 1);
    assert.match(refused.err, /HTTP 401/);
    assert.doesNotMatch(refused.err, /not-the-admin-token/);
  });

  test('P8: metrics are for this machine and the admin token, and tell no secret', async () => {
    const url = `${gateway.url}/metrics`;
    const text = await (await fetch(url)).text();
    assert.match(text, /holdfast_verdicts_total\{server="tools",tool="read",verdict="allow"\} [1-9]/);
    assert.match(text, /holdfast_outcomes_total\{server="tools",outcome="succeeded"\} 1/);
    assert.match(text, /holdfast_wait_to_decision_seconds_count\{server="tools"\} 1/);
    assert.match(text, /holdfast_limiter_refusals_total\{server="tools",counter="some_rate"\} 1/);
    assert.match(text, /holdfast_store_up 1/);
    assert.match(text, /holdfast_chain_head [1-9]/);
    assert.equal((await fetch(url, { headers: { 'x-forwarded-for': '127.0.0.1' } })).status, 403);
    assert.equal((await fetch(url, { headers: { origin: 'http://evil.example' } })).status, 403);
    const asAdmin = { authorization: `Bearer ${house.adminToken}`, 'x-forwarded-for': '10.0.0.1' };
    assert.equal((await fetch(url, { headers: asAdmin })).status, 200);
  });

  test('P7: an export fits, a spoilt one does not, and a running database says what to do instead', async () => {
    const { out: key } = await cli(['key', '--url', gateway.url]);
    assert.match(key, /^[0-9a-f]{64}\n$/);
    await eventually('a checkpoint', async () => (gateway.stdout.includes('"checkpoint"') ? true : null), 45_000);
    const file = join(house.folder, 'audit.jsonl');
    const { out } = await cli(['export', '--url', gateway.url]);
    writeFileSync(file, out);
    const verify = (...more: string[]) => cli(['verify', '--export', file, '--key', key.trim(), ...more]);
    const whole = await verify();
    assert.equal(whole.code, 0, whole.out + whole.err);
    assert.match(whole.out, /^FITS: events 1 to \d+ are what the gateway signed/);
    writeFileSync(file, out.replace('U0MIRA', 'U0MORA'));
    const spoilt = await verify();
    assert.equal(spoilt.code, 1);
    assert.match(spoilt.out, /^DOES NOT FIT: event \d+ does not follow/);
    const { out: withCards } = await cli(['export', '--cards', '--url', gateway.url]);
    writeFileSync(file, withCards);
    const told = await verify();
    assert.equal(told.code, 0, told.out + told.err);
    assert.match(told.out, /^FITS[\s\S]*\n[1-9]\d* cards are what was logged\n/);
    assert.ok(withCards.split('\n').some((line) => /^\{"card":.*Approval needed: tools\.create_key/.test(line)));
    writeFileSync(file, withCards.replace('Approval needed: tools', 'Approval needed: fools'));
    const changed = await verify();
    assert.equal(changed.code, 1);
    assert.match(changed.out, /^DOES NOT FIT: line \d+ is not the card that was logged by the event before it/);
    writeFileSync(file, out);
    const data = join(house.folder, 'data');
    const held = await cli(['verify', '--key', key.trim(), '--data', data]);
    assert.match(held.err, /in use by a running gateway[\s\S]*audit export/);
  });

  test('P7: the evidence of one decision is taken from a terminal and judged with the public key alone', async () => {
    const { out: key } = await cli(['key', '--url', gateway.url]);
    const { id } = (await gateway.approvals()).find((one) => one.tool === 'create_key' && one.state === 'succeeded')!;
    const file = join(house.folder, 'evidence.json');
    const verify = () => cli(['verify', '--evidence', file, '--key', key.trim()], { HOLDFAST_ADMIN_TOKEN: '' });
    const whole = await eventually(
      'all of it is under a checkpoint',
      async () => {
        const { code, out, err } = await cli(['evidence', id, '--url', gateway.url]);
        assert.equal(code, 0, err);
        writeFileSync(file, out);
        const judged = await verify();
        assert.ok(judged.code === 0 || judged.code === 3, judged.out + judged.err);
        return judged.code === 0 ? judged : null;
      },
      45_000,
    );
    assert.match(whole.out, new RegExp(`^FITS: what is told of ${id} is in the log`));
    assert.match(whole.out, /approval\.decided +slack:U0MIRA +choice=approve/);
    assert.match(
      whole.out,
      /\nthe call is tools\.create_key by grant:\S+\n {2}with \{.*\}\n {2}fingerprint [0-9a-f]{16,}\n/,
    );
    assert.match(whole.out, /\n[1-9]\d* cards are what was logged\nthe policy’s text is what was logged\n/);
    const text = readFileSync(file, 'utf8');
    assert.ok(text.includes('Makes a credential.'), 'the policy is in it');
    for (const marker of Object.values(MARKERS)) assert.ok(!text.includes(marker), marker);
    writeFileSync(file, text.replace('U0MIRA', 'U0MORA'));
    const spoilt = await verify();
    assert.deepEqual([spoilt.code, spoilt.out.startsWith('DOES NOT FIT: the signature over the file')], [1, true]);
    writeFileSync(file, 'nothing of the kind');
    assert.equal((await verify()).code, 1);
    assert.match((await cli(['evidence', 'ap_nothing', '--url', gateway.url])).err, /no event about an approval/);
    const { items } = (await (await gateway.api('/api/events?type=admin.read')).json()) as {
      items: { data: object }[];
    };
    assert.ok(
      items.some(({ data }) => JSON.stringify(data).includes(`"evidence"`)),
      'who took it is logged',
    );
  });

  test('P8: what a reviewer or a program can fetch is fetched, to be looked through at the end', async () => {
    // One that had a card: what was taken back before its post has none.
    const { id } = (await gateway.approvals()).find((one) => one.tool === 'create_key' && one.state !== 'withdrawn')!;
    const paths = ['/metrics', '/api/approvals', `/api/approvals/${id}`, '/api/events?limit=500&after=0'];
    paths.push(
      `/api/approvals/${id}/evidence`,
      '/api/events/tail?after=0',
      '/api/events/export?cards=1',
      '/api/checkpoints',
    );
    const form = { method: 'POST', redirect: 'manual', headers: { origin: gateway.url } } as const;
    const login = await fetch(`${gateway.url}/login`, {
      ...form,
      body: new URLSearchParams({ token: house.adminToken, next: '/' }),
    });
    const cookie = login.headers
      .getSetCookie()
      .map((one) => one.split(';')[0])
      .join('; ');
    for (const path of paths) fetched.set(path, await (await gateway.api(path)).text());
    for (const path of [
      '/',
      '/activity',
      '/audit',
      '/overview',
      '/policies',
      '/grants',
      '/allowances',
      '/freezes',
      `/approvals/${id}`,
    ]) {
      const page = await fetch(`${gateway.url}${path}`, { headers: { cookie }, redirect: 'manual' });
      assert.equal(page.status, 200, path);
      fetched.set(path, await page.text());
    }
    assert.match(fetched.get(`/approvals/${id}`)!, /This matches what was logged/);
    assert.match(fetched.get('/api/events/export?cards=1')!, /^\{"card":/m);
    assert.match(fetched.get('/metrics')!, /holdfast_outcomes_total/);
  });

  test('P7: at rest the log is vouched for to its end, by the database and by what was kept elsewhere', async () => {
    assert.equal(await gateway.stop(), 0);
    const data = join(house.folder, 'data');
    const found = await cli(['verify', '--data', data, '--json']);
    assert.equal(found.code, 0, found.out + found.err);
    const report = JSON.parse(found.out) as { head: number; covered: number; unsealed: number };
    assert.deepEqual([report.unsealed, report.head - report.covered], [0, 1]);
    const stdoutFile = join(house.folder, 'stdout.txt');
    writeFileSync(stdoutFile, gateway.stdout);
    const kept = ['--checkpoints', join(data, 'checkpoints.jsonl'), '--checkpoints', stdoutFile];
    assert.equal((await cli(['verify', '--data', data, ...kept])).code, 0);
    assert.equal((await cli(['verify', '--data', data, '--witness', join(data, 'checkpoints.jsonl')])).code, 0);
    const old = await cli(['verify', '--data', data, '--max-age', '1ms']);
    assert.deepEqual([old.code, old.out.startsWith('TOO OLD: ')], [1, true], old.out);
    assert.equal((await cli(['verify', '--data', data, '--max-age', 'off'])).code, 0);
    const file = join(house.folder, 'audit.jsonl');
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    const cut = lines.slice(
      0,
      lines.findIndex((line) => /"seq":6,/.test(line)),
    );
    writeFileSync(file, `${cut.join('\n')}\n{"end":{"events":5,"unsealed":0,"checkpoints":0}}\n`);
    const { code, out } = await cli(['verify', '--export', file, '--data', data, ...kept]);
    assert.equal(code, 1);
    assert.match(out, /^DOES NOT FIT: the log ends before event 6/);
    const told = await cli(['verify', '--export', file, '--data', data, '--witness', join(data, 'checkpoints.jsonl')]);
    assert.equal(told.code, 1);
    assert.match(told.out, /^DOES NOT FIT: the log went back, or was cut: it ends at event 5/);
  });

  test('P8: no marker is in log, webhook, export, metrics, pages, Slack, or the database with the cards it keeps', async () => {
    const tables = await everyRow(join(house.folder, 'data', 'sql'));
    assert.match(tables.get('card_contents') ?? '', /Approval needed: tools\.create_key/);
    const places: Record<string, string> = {
      ...Object.fromEntries(fetched),
      ...Object.fromEntries([...tables].filter(([, text]) => text !== '')),
      log: gateway.log,
      stdout: gateway.stdout,
      slack: house.slackTraffic(),
      siem: siem.received.map(({ body }) => body).join('\n'),
      checkpoints: readFileSync(join(house.folder, 'data', 'checkpoints.jsonl'), 'utf8'),
    };
    const secrets = [
      ...Object.values(MARKERS),
      RESULT,
      HEADER,
      house.tokens.agent!,
      house.adminToken,
      SHARED,
      'marker-address',
    ];
    for (const [place, text] of Object.entries(places)) {
      assert.ok(text.length > 0, place);
      for (const secret of secrets) assert.ok(!text.includes(secret), `${secret} is in ${place}`);
    }
  });
});

/** Every row of each of our tables as text, by table. */
async function everyRow(directory: string): Promise<ReadonlyMap<string, string>> {
  const pglite = await PGlite.create({ dataDir: directory });
  try {
    const found = await pglite.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'holdfast'`,
    );
    const tables = new Map<string, string>();
    for (const { name } of found.rows) {
      const { rows } = await pglite.query<{ row: string }>(`select t::text as row from holdfast."${name}" t`);
      tables.set(name, rows.map(({ row }) => row).join('\n'));
    }
    const cards = await pglite.query<{ packed: Uint8Array }>('select packed from holdfast.card_contents');
    const shown = cards.rows.map(({ packed }) => unpackCard(packed)).join('\n');
    tables.set('card_contents', `${tables.get('card_contents')}\n${shown}`);
    return tables;
  } finally {
    await pglite.close();
  }
}
