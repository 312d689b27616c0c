/**
 * `node bench/growth.ts [EVENTS]`: what runs by itself, a page and the steps of a call, on a log of a million events (or as
 * many as are named) with 50,000 approvals at most: how long each takes, how many rows Postgres reads for it of the tables
 * that grow, and the plan of each statement that reads them.
 */
import pg from 'pg';
import type { Approval, Decision } from '../src/domain/approval/approval.ts';
import { openPostgres } from '../src/sql/connection/postgres.ts';
import { sqlLedger } from '../src/sql/ledger.ts';
import { sqlRecords } from '../src/sql/records.ts';
import { sqlStore } from '../src/sql/store.ts';
import { quiet } from '../test/support/log.ts';
import { GROWING, lengthen, rowsRead } from '../test/support/store/large-log.ts';
import { TEST_SEALS } from '../test/support/store/seals.ts';
import { startPostgres } from '../test/support/store/servers.ts';
import { change, eventOf, newApproval, open, opened, through } from '../test/support/store/world.ts';

const ABOUT = new RegExp(`holdfast\\.(${GROWING.join('|')}|openings)\\b`);
const events = Number(process.argv[2] ?? 1_000_000);
const VOTE: Decision = {
  approver: 'U0MIRA',
  choice: 'deny',
  reason: null,
  via: 'slack',
  self: false,
  userGroup: null,
  at: new Date(),
};
let parked: Approval | null = null;
const server = await startPostgres(() => ['autovacuum=off', 'fsync=off', 'max_wal_size=8GB', 'shared_buffers=512MB']);
/** Statements about tables that grow, sent since they were last asked for. */
const sent: { readonly text: string; readonly values: unknown[] }[] = [];
const send = pg.Client.prototype.query as (...args: unknown[]) => unknown;
pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
  const [first, second] = args;
  const text = typeof first === 'string' ? first : ((first as { text?: string } | undefined)?.text ?? '');
  const values = (second ?? (first as { values?: unknown[] } | undefined)?.values ?? []) as unknown[];
  if (ABOUT.test(text) && /^\s*(\/\*.*?\*\/\s*)*(select|with|update|insert|delete)/i.test(text))
    sent.push({ text, values });
  return Reflect.apply(send, this, args);
} as never;

try {
  const connection = await openPostgres({ url: server.url, connections: 1, log: quiet });
  const store = sqlStore(connection, TEST_SEALS);
  const { approval } = await opened(store);
  await through(store, approval, 'approved', 'dispatched', 'succeeded');
  await store.seal(100);
  console.log(`making ${events} events …`);
  await lengthen(server.url, { events, approvals: Math.min(50_000, events / 5), of: approval.id });
  const plain = new pg.Client({ connectionString: server.url });
  await plain.connect();
  // Votes over the same time as the approvals, refusals, and openings as an hour leaves them.
  await plain.query(`insert into holdfast.decisions (approval_id, approver, choice, via, self, at)
    select id, 'U0' || length(id) || right(id, 1), 'approve', 'slack', false, created_at + interval '1 minute'
    from holdfast.approvals a where not exists (select 1 from holdfast.decisions d where d.approval_id = a.id)`);
  await plain.query(`update holdfast.events set type = 'call.refused' where seq % 50 = 7`);
  await plain.query(`insert into holdfast.openings (id, grant_name, kind, at)
    select 'ap_open' || g, 'agent', 'approval', clock_timestamp() - interval '1 hour' * (g / 10000.0)
    from generate_series(1, 10000) g`);
  await plain.query('analyze');
  const ledger = sqlLedger(connection.db, TEST_SEALS);
  const records = sqlRecords(connection.db, TEST_SEALS);
  const { head } = await ledger.ends();
  await plain.query(
    `insert into holdfast.checkpoints (seq, hash, at, body, signature) values ($1, '', now(), '{}', '')`,
    [String(head)],
  );
  const verbs: Record<string, () => Promise<unknown>> = {
    'checkpoint, nothing new': () => ledger.unsigned(),
    'checkpoint, an old one': () => ledger.unsigned(new Date(Date.now() - 60_000)),
    'ends of the chain': () => ledger.ends(),
    gauges: () => ledger.backlog(),
    'key events': () => ledger.keyEvents(head),
    sink: () => ledger.chain(head - 100, 100, { phrases: false }),
    sealer: () => store.seal(500),
    unsealed: () => ledger.unsealed(0, 100),
    sweep: () => store.overdue(new Date(), 500),
    'an allowed call': () => store.append([eventOf('call.allowed')]),
    'a new call': async () => {
      parked = (await opened(store)).approval;
    },
    'a decision': async () => {
      parked = parked?.state === 'pending' ? parked : (await opened(store)).approval;
      const { approval: found } = (await store.look(parked.id))!;
      parked = null;
      await store.commit(change(found, 'denied', { decision: VOTE }));
    },
    'a caller has its answer': () => store.collected('jo_nobody', eventOf('approval.collected')),
    'the same call again': async () => {
      const request = newApproval();
      for (let n = 0; n < 2; n += 1) await open(store, request);
    },
    'cards to bring up to date': () => store.cardsToLookAt(100),
    'pending ones': () => store.list({ states: ['pending'], limit: 50 }),
    'page: approvals': () => store.list({ limit: 50 }),
    'page: chain': () => records.chain(500),
    'page: last uses': () => records.lastUses(['grant-1', 'nobody']),
    'page: tools seen': () => records.toolsSeen(),
    'page: a search by tool': () => records.search({ server: 'tools', tool: 'tool_3', limit: 50 }),
    'page: a search for nobody': () => records.search({ grant: 'nobody', limit: 50 }),
    'page: a search for a word': () => records.search({ text: 'nowhere', limit: 50 }),
    'page: the newest events': () => records.search({ limit: 50 }),
    'page: the last day': () => records.tally(new Date(Date.now() - 86_400_000), new Date(), 3_600_000),
  };
  const plans: string[] = [];
  for (const [what, verb] of Object.entries(verbs)) {
    await verb();
    sent.length = 0;
    const before = await rowsRead(connection.db);
    const began = performance.now();
    await verb();
    const ms = performance.now() - began;
    const after = await rowsRead(connection.db);
    const rows = GROWING.map((table) => [table, after[table]! - before[table]!] as const).filter(
      ([, count]) => count > 0,
    );
    const read = rows.map(([table, count]) => `${table} ${count}`).join(', ');
    console.log(`${what.padEnd(28)} ${ms.toFixed(1).padStart(8)} ms  rows read: ${read || 'none'}`);
    for (const { text, values } of sent.splice(0)) {
      const plan = await plain.query(`explain (costs off) ${text}`, values).catch((error: Error) => ({
        rows: [{ 'QUERY PLAN': error.message }],
      }));
      sent.length = 0;
      plans.push(`-- ${what}\n${plan.rows.map((row: Record<string, string>) => row['QUERY PLAN']).join('\n')}`);
    }
  }
  console.log(`\n${plans.join('\n\n')}`);
  await plain.end();
  await store.close();
} finally {
  await server.stop();
}
