/**
 * `node bench/archive.ts [EVENTS] [LIVE]` (1,000,000 and 100,000 by default): a log of a million events, 50,000 finished
 * approvals among them, written by the store's own code on its own Postgres; then all but the newest 100,000 are archived
 * and cut. Prints the time of every kind of search before and after (median and 95th percentile), of verifying segments and
 * live log as one, and of the evidence of one archived decision. Ends with 1 where a goal is missed. About five minutes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import pg from 'pg';
import { evidenceProof } from '../src/cli/audit/evidence-proof.ts';
import { segmentFolder } from '../src/cli/audit/segment-folder.ts';
import { readEvidenceLine } from '../src/domain/log/decision-evidence.ts';
import type { NewEvent } from '../src/domain/log/event.ts';
import { judgeEvidence } from '../src/domain/log/judge-evidence.ts';
import { readSegmentHead, readSegmentLine } from '../src/domain/log/segment.ts';
import { ArchivedStory } from '../src/gateway/archive/archived-story.ts';
import { type ArchiverParts, LogArchiver } from '../src/gateway/archive/log-archiver.ts';
import { FolderReader } from '../src/gateway/archive/segment-reader.ts';
import { CheckpointSigner } from '../src/gateway/log/checkpoint-signer.ts';
import { exportLog } from '../src/gateway/log/export.ts';
import { takeEvidence } from '../src/gateway/log/take-evidence.ts';
import { verifyLedger } from '../src/gateway/log/verify.ts';
import type { EventFilter } from '../src/ports.ts';
import { archiveDirectory } from '../src/sink/archive-directory.ts';
import { openPostgres } from '../src/sql/connection/postgres.ts';
import { sqlLedger } from '../src/sql/ledger.ts';
import { sqlRecords } from '../src/sql/records.ts';
import { sqlStore } from '../src/sql/store.ts';
import { vault } from '../src/vault/vault.ts';
import { quiet } from '../test/support/log.ts';
import { finishedCall, writeFinished } from '../test/support/store/finished-calls.ts';
import { TEST_SEALS } from '../test/support/store/seals.ts';
import { startPostgres } from '../test/support/store/servers.ts';

const EVENTS = Number(process.argv[2] ?? 1_000_000);
const LIVE = Number(process.argv[3] ?? EVENTS / 10);
/** Of twenty events thirteen are allowed calls, and seven those of one gated call. */
const PER_CALL = 20;
const CALLS = Math.floor(EVENTS / PER_CALL);
const DAY = 86_400_000;
const SPAN_MS = 90 * DAY;
/** Events between two checkpoints. A gateway signs every half minute. */
const SIGNED_EVERY = 4_000;
/** Calls after which Postgres learns what is in its tables. */
const ANALYZED_AT = [0, 200, 2_000, 20_000];
const LOG = 'log_bench';
const GOALS = { eventsPerSecond: 100_000, searchMs: 50 };

const server = await startPostgres(() => ['autovacuum=off', 'fsync=off', 'max_wal_size=8GB', 'shared_buffers=512MB']);
const folder = mkdtempSync(join(tmpdir(), 'holdfast-archive-'));
const connection = await openPostgres({ url: server.url, log: quiet });
const { db } = connection;
/** Its statements take as long as they take. */
const plain = new pg.Client({ connectionString: server.url });
const store = sqlStore(connection, TEST_SEALS);
const ledger = sqlLedger(db, TEST_SEALS);
/** As `holdfast audit verify` opens it, which has no secret. */
const auditors = sqlLedger(db, null);
const records = sqlRecords(db, TEST_SEALS);
const keyed = vault(['a secret that is long enough to be one']);
const trust = { keys: keyed.publicKeys, elsewhere: [] };
const signer = new CheckpointSigner();
const missed: string[] = [];
const NOBODY = { approval: null, server: null, tool: null, grant: null };
const begun = Date.now();
const began = new Date(begun - SPAN_MS - DAY);
const parts = (at: Date) => ({ store, ledger, vault: keyed, clock: { now: () => at }, log: quiet, replica: 'bench' });

try {
  await plain.connect();
  await run();
  console.log(`in all ${((Date.now() - begun) / 1_000).toFixed(0)} s; load of the machine ${load()}`);
  if (missed.length > 0) console.log(`missed: ${missed.join('; ')}`);
} finally {
  await plain.end();
  await store.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = missed.length > 0 ? 1 : 0;

async function run(): Promise<void> {
  console.log(`load of the machine ${load()}`);
  await sql`insert into holdfast.epoch (log, head, at, seal) values (${LOG}, 0, now(), 'none')`.execute(db);
  await sql`insert into holdfast.oversight_cursor (id, seq) values ('cursor', 1000000000)`.execute(db);
  signer.sealedSince({ log: LOG, head: 0 });
  const rebuild = await withoutSearches();
  await timed('written, chained and signed', EVENTS, fill);
  await rebuild();
  await plain.query('vacuum analyze');
  await sizes();
  await searches('before the cut');
  await archive();
  await plain.query('vacuum analyze');
  await sizes();
  await searches('after the cut');
  const segments = await segmentFolder(folder);
  const { head } = await ledger.ends();
  const seconds = await timed(`verified as one, ${segments.heads.length} segments and the database`, head, async () => {
    const found = await verifyLedger(auditors, trust, evidenceProof(), new FolderReader(segments));
    const { report, problems, segmentProblems = [] } = found;
    if (report.events !== head || report.faults.length + problems.length + segmentProblems.length > 0) {
      throw new Error(
        JSON.stringify({ events: report.events, head, problems, segmentProblems, faults: report.faults.slice(0, 5) }),
      );
    }
  });
  if (head / seconds < GOALS.eventsPerSecond)
    missed.push(`verifying ${Math.round(head / seconds)} events/s, goal ${GOALS.eventsPerSecond}`);
  await timed('evidence of an archived decision, taken and verified', head, () =>
    evidenceOf(callAt(Math.floor(CALLS / 3)).id),
  );
}

/** Indexes that only searches read are built at once when all is written. Returns what builds them. */
async function withoutSearches(): Promise<() => Promise<void>> {
  const names = ['events_words', 'events_type', 'events_tool', 'events_actor', 'events_of_grant', 'events_phrase'];
  const { rows } = await plain.query<{ indexdef: string }>(
    `select indexdef from pg_indexes where schemaname = 'holdfast' and indexname = any($1::text[])`,
    [names],
  );
  if (rows.length !== names.length) throw new Error('an index of searches has another name now');
  for (const name of names) await plain.query(`drop index holdfast.${name}`);
  return () =>
    timed('indexes of searches built', EVENTS, async () => {
      for (const { indexdef } of rows) await plain.query(indexdef);
    }).then(() => undefined);
}

/** As a gateway writes them, a thousand in a statement. */
async function fill(): Promise<void> {
  await store.append([
    {
      ...NOBODY,
      type: 'seals.began',
      at: began,
      actor: 'holdfast',
      data: { log: LOG, head: 0, key: keyed.publicKeys[0]! },
    },
  ]);
  for (let from = 0, unsigned = 0; from < CALLS; from += 50) {
    const calls = Array.from({ length: Math.min(50, CALLS - from) }, (_, nth) => callAt(from + nth));
    await writeFinished(db, calls);
    const events = calls.flatMap((call, nth) => [...allowedBefore(from + nth), ...call.events]);
    await store.append(events);
    unsigned += events.length;
    if (unsigned >= SIGNED_EVERY || from + 50 >= CALLS) {
      unsigned = 0;
      await signer.sign(parts(events.at(-1)!.at));
    }
    // As autovacuum does on a database that grows.
    if (ANALYZED_AT.includes(from)) await plain.query('analyze');
  }
  await store.seal(10_000);
}

function timeOf(nth: number): Date {
  return new Date(begun - SPAN_MS + Math.floor((nth * SPAN_MS) / CALLS));
}

function callAt(nth: number): ReturnType<typeof finishedCall> {
  return finishedCall(nth, timeOf(nth));
}

function allowedBefore(nth: number): NewEvent[] {
  const at = timeOf(nth);
  return Array.from({ length: PER_CALL - 7 }, (_, k) => {
    const i = nth * PER_CALL + k;
    const [server, tool, grant] = [`server-${i % 7}`, `read_${i % 43}`, `bot-${i % 29}`];
    const data = {
      ...{
        decidedBy: `tools.${tool}`,
        fingerprint: i.toString(16).padStart(64, '0'),
        policy: 'c'.repeat(64),
        rule: `tools.${tool}`,
      },
      session: `${(i % 203).toString(16)}${Math.floor(i / 20_000).toString(16)}`.padStart(64, 'a'),
    };
    return {
      ...NOBODY,
      type: 'call.allowed',
      at,
      actor: `grant:${grant}`,
      server,
      tool,
      grant,
      replica: 'host-1-abcdef01',
      data,
    } as NewEvent;
  });
}

/** What is older than the newest LIVE events goes. */
async function archive(): Promise<void> {
  const log = { ...quiet, error: (_: object, why: string) => missed.push(why) };
  const archiver: ArchiverParts = {
    ...parts(new Date()),
    ...{ log, checkpointSigner: signer, sink: null, alarms: { why: null }, openArchive: archiveDirectory },
    rules: {
      approval: { pickupMs: 3_600_000 },
      retention: { retainMs: Math.ceil((SPAN_MS * LIVE) / EVENTS), archive: folder },
    },
  } as never;
  await timed('archived and cut', EVENTS - LIVE, async () => {
    const one = new LogArchiver();
    while ((await one.run(archiver)) === 2_000) await store.seal(10_000);
  });
}

async function sizes(): Promise<void> {
  const found = await sql<{ events: string; octets: string; whole: string }>`
    select (select count(*) from holdfast.events) as events, pg_total_relation_size('holdfast.events') as octets,
      pg_database_size(current_database()) as whole`.execute(db);
  const { events, octets, whole } = found.rows[0]!;
  const mib = (text: string): string => (Number(text) / 2 ** 20).toFixed(0);
  console.log(
    `${events} events in the database: ${mib(octets)} MiB with their indexes, the database ${mib(whole)} MiB`,
  );
}

/** Each kind of search, a hundred times, with other values each time and up to three pages deep. */
async function searches(when: string): Promise<void> {
  // What is looked for is there before and after.
  const recent = (nth: number): number => CALLS - 1 - ((nth * 37) % Math.floor((CALLS * LIVE) / EVENTS / 2));
  const ago = (nth: number, share: number): Date => new Date(begun - (SPAN_MS * LIVE * share) / EVENTS - nth * 1_000);
  const kinds: Record<string, (nth: number) => Omit<EventFilter, 'limit'>> = {
    'the newest': () => ({}),
    'a type': (nth) => ({ types: [(['approval.decided', 'call.succeeded', 'call.denied'] as const)[nth % 3]!] }),
    'server and tool': (nth) => ({ server: `server-${nth % 7}`, tool: `read_${nth % 43}` }),
    'an agent': (nth) => ({ grant: `bot-${nth % 29}` }),
    'agent, server, type': (nth) => ({
      grant: `bot-${nth % 29}`,
      server: `server-${nth % 7}`,
      types: ['approval.requested'],
    }),
    'a person': (nth) => ({ actor: `slack:U0${['MIRA', 'ALEX', 'SAM', 'KIM'][nth % 4]}` }),
    'the gateway itself': () => ({ actor: 'holdfast' }),
    'nobody by that name': (nth) => ({ actor: `slack:U0NOBODY${nth}` }),
    'a time': (nth) => ({ from: ago(nth, 0.8), to: ago(nth, 0.5) }),
    'a time of one agent': (nth) => ({ from: ago(nth, 0.8), to: ago(nth, 0.7), grant: `bot-${nth % 29}` }),
    'a state': () => ({ state: 'succeeded' }),
    'a state that none has': () => ({ state: 'unknown' }),
    'a rare word': () => ({ text: 'needle' }),
    'a word that many say': () => ({ text: 'production' }),
    'a word of a thousand': (nth) => ({ text: `alpha${nth}` }),
    'the beginning of many words': (nth) => ({ text: `alpha${nth % 10}` }),
    'two words': (nth) => ({ text: `alpha${nth} production` }),
    'words of an agent': (nth) => ({ text: 'release train', grant: `bot-${nth % 29}` }),
    'a word that is not there': (nth) => ({ text: `nowhere${nth}` }),
    'words of allowed calls': (nth) => ({ text: `call.allowed read_${nth % 43}` }),
    'an argument': (nth) => ({
      text: String((callAt(recent(nth)).rows.approval.arguments as string).match(/prj_\w+/)![0]),
    }),
    'a fingerprint': (nth) => ({ text: callAt(recent(nth)).fingerprint }),
    'the beginning of a fingerprint': (nth) => ({ text: callAt(recent(nth)).fingerprint.slice(0, 20) }),
    'an approval': (nth) => ({ text: callAt(recent(nth)).id }),
    'the beginning of an approval': (nth) => ({ text: callAt(recent(nth)).id.slice(0, 20) }),
  };
  const all: number[] = [];
  for (const [name, filter] of Object.entries(kinds)) {
    const times: number[] = [];
    let items = 0;
    for (let nth = 0; nth < 100; nth += 1) {
      let before: number | undefined;
      for (let page = 0; page <= nth % 3; page += 1) {
        const from = performance.now();
        const found = await records.search({ ...filter(nth), ...(before === undefined ? {} : { before }), limit: 50 });
        times.push(performance.now() - from);
        items += found.items.length;
        if (found.next === null) break;
        before = Number(found.next);
      }
    }
    all.push(...times);
    const p95 = at(times, 0.95);
    if (p95 > GOALS.searchMs) missed.push(`${name}, ${when}: p95 ${p95.toFixed(0)} ms, goal ${GOALS.searchMs}`);
    console.log(
      `  ${name.padEnd(32)} p50 ${show(at(times, 0.5))}  p95 ${show(p95)}  max ${show(at(times, 1))}  ${items} found`,
    );
  }
  for (const [name, look] of Object.entries({
    'page: one approval’s story': (nth: number) => records.story(callAt(recent(nth)).id),
    'page: approvals in a state': () => store.list({ states: ['succeeded'], limit: 50 }),
    'page: the last day': () => records.tally(new Date(begun - DAY), new Date(begun), 3_600_000),
    'page: last uses': () => records.lastUses(['bot-1', 'nobody']),
    'page: tools seen': () => records.toolsSeen(),
  })) {
    const times: number[] = [];
    for (let nth = 0; nth < 40; nth += 1) {
      const from = performance.now();
      await look(nth);
      times.push(performance.now() - from);
    }
    console.log(
      `  ${name.padEnd(32)} p50 ${show(at(times, 0.5))}  p95 ${show(at(times, 0.95))}  max ${show(at(times, 1))}`,
    );
  }
  console.log(
    `searches ${when}: p50 ${show(at(all, 0.5))}  p95 ${show(at(all, 0.95))}  max ${show(at(all, 1))} ms, ${all.length} pages`,
  );
}

async function evidenceOf(approval: string): Promise<void> {
  if ((await takeEvidence(parts(new Date()), records, approval)).kind !== 'archived')
    throw new Error('it is not archived');
  const story = new ArchivedStory(approval);
  const files = await segmentFolder(folder);
  for (const { line } of files.heads) {
    const head = readSegmentHead(readSegmentLine(line)!.text)!;
    for await (const lines of files.read(head.file).portions) for (const text of lines) story.line(text);
  }
  for await (const portion of exportLog(ledger, new Date(), []))
    for (const line of portion.split('\n')) story.line(line);
  const taken = await takeEvidence({ ...parts(new Date()), ledger: story.ledger }, story.records(records), approval);
  if (taken.kind !== 'taken') throw new Error(`no evidence: ${taken.kind}`);
  const { faults, covered, steps } = judgeEvidence(readEvidenceLine(taken.line), trust, evidenceProof());
  if (faults.length > 0 || covered !== 7 || steps.length !== 7) throw new Error(JSON.stringify({ faults, covered }));
  console.log(`  ${steps.length} events of it, all proven, in ${taken.line.length.toLocaleString('en')} characters`);
}

function at(times: readonly number[], share: number): number {
  const sorted = times.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

function show(ms: number): string {
  return ms.toFixed(1).padStart(7);
}

function load(): string {
  return loadavg()
    .map((one) => one.toFixed(1))
    .join(' ');
}

async function timed(what: string, count: number, work: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await work();
  const seconds = (performance.now() - from) / 1_000;
  console.log(
    `${what}: ${seconds.toFixed(1)} s, ${Math.round(count / seconds).toLocaleString('en')} events/s (load ${load()})`,
  );
  return seconds;
}
