/**
 * `node bench/audit.ts [EVENTS]` (1,000,000 by default): what a large audit log costs, on its own Postgres. Prints the
 * time of sealing, of searches as reviewers make them (median and 95th percentile, first and deep pages), of verifying
 * the database and an export, and how much memory an export takes while it streams. Not part of `npm run bench`.
 */

import { once } from 'node:events';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { linesOf } from '../src/cli/audit/lines.ts';
import { CheckpointSigner } from '../src/gateway/log/checkpoint-signer.ts';
import { exportLog } from '../src/gateway/log/export.ts';
import { verifyExport, verifyLedger } from '../src/gateway/log/verify.ts';
import type { Ports } from '../src/gateway/ports.ts';
import type { EventFilter } from '../src/ports.ts';
import { sqlLedger } from '../src/sql/ledger.ts';
import { migrate } from '../src/sql/migrations/migrate.ts';
import { sqlRecords } from '../src/sql/records.ts';
import { sqlStore } from '../src/sql/store.ts';
import type { Tables } from '../src/sql/table/tables.ts';
import { passkeyProof } from '../src/vault/passkey-proof.ts';
import { proof } from '../src/vault/proof.ts';
import { vault } from '../src/vault/vault.ts';
import { TEST_SEALS } from '../test/support/store/seals.ts';
import { startPostgres } from '../test/support/store/servers.ts';

const EVENTS = Number(process.argv[2] ?? 1_000_000);
const SPAN_DAYS = 90;

const server = await startPostgres();
const folder = mkdtempSync(join(tmpdir(), 'holdfast-audit-'));
const pool = new pg.Pool({ connectionString: server.url, max: 4 });
const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
try {
  await migrate(db);
  await run();
} finally {
  await db.destroy();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function run(): Promise<void> {
  const store = sqlStore({ db, close: async () => undefined }, TEST_SEALS);
  const ledger = sqlLedger(db, TEST_SEALS);
  const keyed = vault(['a secret that is long enough to be one']);
  const quiet = { info() {}, warn() {}, error() {} };
  const clock = { now: () => new Date() };
  const ports = { store, ledger, vault: keyed, clock, log: quiet, replica: 'bench' } as unknown as Ports;
  const signer = new CheckpointSigner();
  signer.sealedSince({ log: 'log_bench', head: 0 });

  await timed('written by SQL', EVENTS, () => fill());
  await timed('given seals', EVENTS, () => giveSeals(db));
  await timed('sealed', EVENTS, async () => {
    for (let sealed = 0; ; ) {
      const { chained: some } = await store.seal(2_000);
      sealed += some;
      if (some === 0) break;
      if (sealed % 50_000 === 0) await signer.sign(ports);
    }
    await signer.sign(ports);
    await store.seal(2_000);
  });
  await sql`vacuum analyze holdfast.events`.execute(db);
  await sql`vacuum analyze holdfast.phrases`.execute(db);
  await sql`vacuum analyze holdfast.approvals`.execute(db);
  await searches();

  const trust = { keys: keyed.publicKeys, elsewhere: [] };
  await timed('verified in the database', EVENTS, async () =>
    say(await verifyLedger(ledger, trust, { ...proof(), passkeys: passkeyProof() })),
  );
  const file = join(folder, 'audit.jsonl');
  let most = 0;
  await timed('exported', EVENTS, async () => {
    const out = createWriteStream(file);
    const before = process.memoryUsage().rss;
    for await (const text of exportLog(ledger, clock.now(), keyed.publicKeys)) {
      if (!out.write(text)) await once(out, 'drain');
      most = Math.max(most, process.memoryUsage().rss - before);
    }
    out.end();
    await once(out, 'finish');
  });
  console.log(`  memory above the start while exporting: ${(most / 2 ** 20).toFixed(0)} MiB`);
  await timed('verified from the export', EVENTS, async () =>
    say(await verifyExport(linesOf(file), trust, { ...proof(), passkeys: passkeyProof() })),
  );
}

function say({ report, problems }: Awaited<ReturnType<typeof verifyExport>>): void {
  if (report.faults.length + problems.length > 0)
    throw new Error(JSON.stringify({ problems, faults: report.faults.slice(0, 10) }));
}

/**
 * Events as a busy gateway would write them: most calls pass, one in ten needs approval. A session makes a hundred
 * calls to forty tools, which is hard on phrases (the words that allowed calls share): there is nearly one for every
 * two calls.
 */
async function fill(): Promise<void> {
  await sql`
    insert into holdfast.approvals (id, state, revision, server, tool, grant_name, self_approval, fingerprint, requirement,
      arguments, trace, policy_digest, created_at, expires_at, shown, updated_at)
    select 'ap_' || lpad(i::text, 26, '0'),
      (array['succeeded', 'succeeded', 'succeeded', 'denied', 'expired', 'failed'])[1 + i % 6 - (i % 6) / 6], 3, 'prometheus',
      'create_api_key', 'bot-1', false, encode(sha256(i::text::bytea), 'hex'), '{}', '{}', '{}', 'x', now(), now(), 3, now()
    from generate_series(1, ${EVENTS / 20}::int) i`.execute(db);
  await sql`update holdfast.approvals set state = 'unknown' where id like '%777'`.execute(db);
  for (let from = 1; from <= EVENTS; from += 50_000) {
    await sql`
      insert into holdfast.events (phrase, body, type, at, approval_id, server, tool, grant_name, actor)
      select phrase, format(
          '{"actor":%s,"approval":%s,"at":"%s","data":{"decidedBy":"tools.%s.action","fingerprint":"%s","policy":"%s","rule":"%s","session":"%s"%s},"grant":"%s","replica":"host-1-abcdef01","server":"%s","tool":"%s","type":"%s"}',
          to_json(actor), coalesce(to_json(approval)::text, 'null'),
          to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), tool, print, md5(server), tool, session,
          case when phrase is null then format(',"words":"alpha%s %s"', i % 1000, case when i % 5000 = 10 then 'needle' else 'common' end) end,
          agent, server, tool, type),
        type, at, approval, server, tool, agent, actor
      from (
        select *, case when type = 'call.allowed' then ('x' || left(encode(sha256(said::bytea), 'hex'), 16))::bit(64)::bigint end as phrase from (
        select *, concat_ws(' ', type, server, tool, agent, tool, 'tools.' || tool || '.action', session) as said from (
        select i, encode(sha256(((i % 203) || '-' || (i / 20000))::bytea), 'hex') as session, date_trunc('milliseconds', now() - (${EVENTS} - i) * (interval '1 day' * ${SPAN_DAYS} / ${EVENTS}::float8)) as at,
          'server-' || i % 7 as server, 'tool_' || i % 43 as tool, 'bot-' || i % 29 as agent,
          encode(sha256(i::text::bytea), 'hex') as print,
          case when i % 10 = 0 then 'ap_' || lpad((i / 20)::text, 26, '0') end as approval,
          case when i % 20 = 10 then 'approval.requested' when i % 20 = 0 then 'approval.decided'
            when i % 97 = 0 then 'call.denied' when i % 10007 = 0 then 'access.refused' else 'call.allowed' end as type,
          case when i % 20 = 0 then 'slack:U' || i % 13 else 'grant:bot-' || i % 29 end as actor
        from generate_series(${from}::int, ${Math.min(EVENTS, from + 49_999)}::int) i) e) e) e`.execute(db);
  }
  await sql`
    insert into holdfast.phrases (id, words)
    select distinct on (e.phrase) e.phrase, holdfast.words(e.body) from holdfast.events e where e.phrase is not null
    order by e.phrase`.execute(db);
}

async function searches(): Promise<void> {
  const records = sqlRecords(db, TEST_SEALS);
  const now = Date.now();
  const days = (n: number): Date => new Date(now - n * 86_400_000);
  const { rows } = await sql<{ session: string }>`
    select body::json->'data'->>'session' as session from holdfast.events where phrase is not null order by n limit 1`.execute(
    db,
  );
  const filters: Record<string, Omit<EventFilter, 'limit'>> = {
    'no filter': {},
    'one type': { types: ['approval.decided'] },
    'a rare type': { types: ['access.refused'] },
    'a verdict and a server': { types: ['call.denied'], server: 'server-3' },
    'server and tool': { server: 'server-3', tool: 'tool_11' },
    agent: { grant: 'bot-5' },
    'agent, server, type': { grant: 'bot-5', server: 'server-3', types: ['approval.requested'] },
    approver: { actor: 'slack:U5' },
    'nobody by that name': { actor: 'slack:U_NOBODY' },
    'two that never meet': { server: 'server-1', grant: 'bot-2', types: ['access.refused'] },
    'an old week': { from: days(80), to: days(73) },
    'an old week of one agent': { from: days(80), to: days(73), grant: 'bot-5' },
    'an old week of a rare type': { from: days(80), to: days(73), types: ['access.refused'] },
    'a common state': { state: 'succeeded' },
    'a rare state': { state: 'unknown' },
    'a rare state of one agent': { state: 'unknown', grant: 'bot-5' },
    'a rare word': { text: 'needle' },
    'a common word': { text: 'common' },
    'a word of a thousand': { text: 'alpha77' },
    'a common beginning of a word': { text: 'comm' },
    'a beginning of many words': { text: 'alpha7' },
    'a word that is not there': { text: 'nowhere' },
    'two words': { text: 'alpha0 needle' },
    'words of allowed calls': { text: 'call.allowed tool_11' },
    'words of all calls of a server': { text: 'server-3' },
    'words of an agent long ago': { text: 'bot-5', from: days(80), to: days(79) },
    'a session': { text: rows[0]!.session },
    'a session of no calls': { text: 'ab'.repeat(32) },
    'a word of one agent': { text: 'needle', grant: 'bot-5' },
    fingerprint: { text: '6b86b273ff34fce19d6b804eff5a3f57' },
    approval: { text: `ap_${'5'.padStart(26, '0')}` },
  };
  const all: number[] = [];
  for (const [name, filter] of Object.entries(filters)) {
    const times: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      let before: number | undefined;
      for (let page = 0; page < 4; page += 1) {
        const from = performance.now();
        const found = await records.search({ ...filter, ...(before === undefined ? {} : { before }), limit: 50 });
        times.push(performance.now() - from);
        if (found.next === null) break;
        before = Number(found.next);
      }
    }
    all.push(...times);
    console.log(`  ${name.padEnd(28)} p50 ${at(times, 0.5)}  p95 ${at(times, 0.95)}  max ${at(times, 1)}`);
  }
  console.log(`searches: p50 ${at(all, 0.5)}  p95 ${at(all, 0.95)}  max ${at(all, 1)} (ms, ${all.length} pages)`);
}

function at(times: number[], share: number): string {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(1).padStart(7);
}

async function timed(what: string, count: number, work: () => Promise<void>): Promise<void> {
  const from = performance.now();
  await work();
  const seconds = (performance.now() - from) / 1_000;
  console.log(`${what}: ${seconds.toFixed(1)} s, ${Math.round(count / seconds).toLocaleString('en')} events/s`);
}

/** SQL has no key, so the gateway's seals are put on the rows that it wrote. */
async function giveSeals(db: Kysely<Tables>): Promise<void> {
  for (let after = '0'; ; ) {
    const { rows } = await sql<{ n: string; body: string }>`
      select n, body from holdfast.events where n > ${after}::bigint order by n limit 20000`.execute(db);
    if (rows.length === 0) return;
    after = rows.at(-1)!.n;
    await sql`
      update holdfast.events e set seal = s.seal
      from unnest(${rows.map(({ n }) => n)}::bigint[], ${rows.map(({ body }) => TEST_SEALS.sealOnce('event', body))}::text[])
        as s(n, seal) where e.n = s.n`.execute(db);
  }
}
