import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { type Collector, collector } from '../../support/audit/collector.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
  refund: { action: require_approval, reason: Pays money back., approval: { summary: "Refund {args.customer}" } }
`;
const ROOT = new URL('../../..', import.meta.url).pathname;
const ADA = 'marker-lovelace';
const GRACE = 'marker-hopper';

describe('what a running gateway was called with can be erased', () => {
  let upstream: Collector;
  let siem: Collector;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  let key = '';
  /** Of the approval that is erased. */
  let ada = '';
  const evidence = (name: string): string => join(house.folder, `${name}.json`);

  before(async () => {
    upstream = await collector();
    upstream.answer = ({ body }) => {
      const { id, method } = JSON.parse(body) as { id?: number; method: string };
      if (id === undefined) return { status: 202 };
      const result =
        method === 'initialize'
          ? { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: { name: 'x', version: '1' } }
          : { content: [{ type: 'text', text: 'paid' }] };
      return { status: 200, headers: {}, body: JSON.stringify({ jsonrpc: '2.0', id, result }) };
    };
    siem = await collector();
    house = await openHouse({
      servers: { shop: { at: `url: "${upstream.url}/mcp"`, policy: POLICY } },
      approvers: '[U0MIRA, U0ALEX, admin]',
      audit: '{ erasable: true, samples: { per_tool_and_day: 100 } }',
      env: { HOLDFAST_AUDIT_WEBHOOK: `${siem.url}/in`, HOLDFAST_AUDIT_WEBHOOK_SECRET: 'what both ends know' },
    });
    gateway = await house.start();
    agent = await Agent.open(`${gateway.url}/mcp/shop`, house.tokens.agent!);
    key = (await cli(['key', '--url', gateway.url])).out.trim();
  });
  after(async () => {
    await house.close();
    await Promise.all([upstream.close(), siem.close()]);
  });

  async function cli(args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
    const child = spawn(process.execPath, ['src/cli/cli.ts', 'audit', ...args], {
      cwd: ROOT,
      env: { PATH: process.env.PATH ?? '', HOLDFAST_ADMIN_TOKEN: house.adminToken },
    });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, out, err };
  }

  /** Approved in Slack, and run. */
  async function refunded(customer: string): Promise<string> {
    const held = agent.call('refund', { customer }, { meta: { 'holdfast/reason': `for ${customer}` } });
    const { id } = await gateway.pending('refund', { customer });
    await house.approve(id);
    assert.match(textOf(await held.answer), /paid/);
    await gateway.reaches(id, 'succeeded');
    return id;
  }

  async function verified(name: string): Promise<{ code: number | null; out: string }> {
    return cli(['verify', '--evidence', evidence(name), '--key', key]);
  }

  test('P7: until it is erased, who may see it sees it; the chain, the webhook and the plain export hold ciphertext', async () => {
    ada = await refunded(ADA);
    const events = await gateway.events(ada);
    const asked = events.find(({ type }) => type === 'approval.requested')!;
    assert.deepEqual(asked.data.arguments, { customer: ADA });
    assert.equal(asked.data.statedReason, `for ${ADA}`);
    assert.equal(asked.data.enclosed, undefined);
    const found = (await (await gateway.api('/api/events?type=approval.requested')).json()) as { items: object[] };
    assert.match(JSON.stringify(found), new RegExp(ADA));
    await eventually('the tail has it', async () =>
      (await (await gateway.api('/api/events/tail?after=0')).text()).includes(ADA) ? true : null,
    );
    const file = join(house.folder, 'audit.jsonl');
    const plain = await cli(['export', '--url', gateway.url]);
    assert.doesNotMatch(plain.out, new RegExp(ADA));
    const told = await cli(['export', '--erasable', '--url', gateway.url]);
    assert.match(told.out, new RegExp(ADA));
    writeFileSync(file, told.out);
    const { code, out } = await cli(['verify', '--export', file, '--key', key]);
    assert.ok(code === 0 || code === 3, out);
    assert.match(out, /what can be erased of [1-9]\d* events is what was logged/);
    const taken = await cli(['evidence', ada, '--url', gateway.url]);
    writeFileSync(evidence('before'), taken.out);
    assert.match(taken.out, new RegExp(ADA));
    const judged = await verified('before');
    assert.ok(judged.code === 0 || judged.code === 3, judged.out);
    await eventually('the webhook has it', () =>
      siem.received.some(({ body }) => body.includes(ada) && body.includes('approval.requested')) ? true : null,
    );
    assert.ok(siem.received.every(({ body }) => !body.includes(ADA)));
  });

  test('P2: a call that waits is not erased, and nobody erases without a reason', async () => {
    const held = agent.call('refund', { customer: 'waits' });
    const { id } = await gateway.pending('refund', { customer: 'waits' });
    const refused = await cli(['erase', id, '--reason', 'gdpr', '--url', gateway.url]);
    assert.equal(refused.code, 1);
    assert.match(refused.err, new RegExp(`^${id}: This call waits, may still run, or runs\\.`));
    assert.equal((await cli(['erase', id, '--url', gateway.url])).code, 2);
    await house.deny(id, 'no');
    await held.answer;
  });

  test('P7: after it, record, card, log and evidence say by whom, and everything else stands', async () => {
    const before = await gateway.approval(ada);
    const erased = await cli(['erase', ada, '--reason', 'she asked (ticket 7)', '--url', gateway.url]);
    assert.equal(erased.code, 0, erased.err);
    assert.match(erased.out, new RegExp(`^${ada} is erased: 1 event, [1-9]\\d* cards?, 0 samples\\.\\n$`));
    assert.equal(erased.err, '');
    const now = (await gateway.approval(ada)) as typeof before & { erased: { by: string; reason: string } };
    assert.deepEqual([now.erased.by, now.erased.reason], ['admin', 'she asked (ticket 7)']);
    assert.deepEqual(
      [now.fingerprint, now.decisions, now.state, now.broken],
      [before.fingerprint, before.decisions, 'succeeded', null],
    );
    assert.match(JSON.stringify(now.arguments), /erased by admin on \d{4}-\d\d-\d\d: she asked/);
    const card = await house.card(ada, /erased by admin/);
    assert.doesNotMatch(JSON.stringify([card.text, card.blocks]), new RegExp(ADA));
    const events = await gateway.events(ada);
    assert.ok(events.every(({ doubt }) => doubt === undefined));
    assert.deepEqual((events[0]!.data.erased as { by: string }).by, 'admin');
    const event = events.find(({ type }) => type === 'data.erased')!;
    assert.deepEqual([event.actor, event.data.reason, event.data.clear], ['admin', 'she asked (ticket 7)', 0]);
    writeFileSync(evidence('after'), (await cli(['evidence', ada, '--url', gateway.url])).out);
    assert.doesNotMatch(readFileSync(evidence('after'), 'utf8'), new RegExp(ADA));
    const judged = await verified('after');
    assert.ok(judged.code === 0 || judged.code === 3, judged.out);
    assert.match(
      judged.out,
      /what was said of the call was erased by admin on \d{4}-\d\d-\d\d: she asked \(ticket 7\)/,
    );
    assert.match(judged.out, /approval\.decided +slack:U0MIRA +choice=approve/);
    const earlier = await verified('before');
    assert.ok(earlier.code === 0 || earlier.code === 3, earlier.out);
    assert.equal((await cli(['erase', ada, '--reason', 'again', '--url', gateway.url])).code, 1);
  });

  test('everything of one customer is found, shown first, and erased with the samples', async () => {
    const [one, two] = [await refunded(GRACE), await refunded(`${GRACE} & sons`)];
    for (let n = 0; n < 3; n += 1) await agent.call('read', { of: GRACE, n }).answer;
    const listed = await cli(['erase', '--matching', GRACE, '--url', gateway.url]);
    assert.equal(listed.code, 0, listed.err);
    assert.match(listed.out, /2 approvals with this text\. Nothing was changed/);
    assert.match(listed.out, new RegExp(`${two}[^\\n]*\\n${one}`));
    assert.equal((await cli(['erase', '--matching', GRACE, '--yes', '--url', gateway.url])).code, 2);
    const done = await eventually('no card is being written', async () => {
      const run = await cli(['erase', '--matching', GRACE, '--yes', '--reason', 'gone', '--url', gateway.url]);
      return run.code === 0 ? run : null;
    });
    assert.match(done.out, /Erased: [0-2] approvals?, \d samples?\. Not erased: 0\./);
    const { items } = (await (await gateway.api('/api/events?type=data.erased')).json()) as {
      items: { data: { samples?: number } }[];
    };
    assert.ok(items.some(({ data }) => (data.samples ?? 0) >= 3));
  });

  test('P8: at rest nothing in the database says what was erased, and the log is vouched for to its end', async () => {
    await house.card(ada, /erased by admin/);
    assert.equal(await gateway.stop(), 0);
    const data = join(house.folder, 'data');
    const found = await cli(['verify', '--data', data, '--key', key]);
    assert.equal(found.code, 0, found.out + found.err);
    const database = await PGlite.create({ dataDir: join(data, 'sql') });
    const tables = await database.query<{ schema: string; name: string }>(
      "select table_schema as schema, table_name as name from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema')",
    );
    for (const { schema, name } of tables.rows) {
      const { rows } = await database.query<{ row: string }>(`select t::text as row from "${schema}"."${name}" t`);
      const all = rows.map(({ row }) => row).join('\n');
      for (const marker of [ADA, GRACE]) assert.ok(!all.includes(marker), `${marker} in ${schema}.${name}`);
    }
    await database.close();
    assert.ok(!gateway.log.includes(ADA) && !gateway.stdout.includes(ADA));
  });
});
