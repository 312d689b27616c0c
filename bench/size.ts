/**
 * `node bench/size.ts [CALLS]` (400 by default): what one gated call takes in Postgres once it is over: asked, shown in
 * Slack, approved with a click, sent, answered, told. Prints octets for each table and each index, largest first, after
 * `vacuum`. Counts do not depend on how fast the machine is.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { clickStorm, parkStorm } from '../test/support/slack/click-storm.ts';
import { stormWorld } from '../test/support/slack/storm-world.ts';
import { clearUp, grownBy, relationOctets } from '../test/support/store/octets.ts';

const CALLS = Number(process.argv[2] ?? 400);
/** As autovacuum does on a database in use, room is made between rounds. */
const ROUNDS = 8;
let made = 0;

const world = await stormWorld();
const client = new pg.Client({ connectionString: world.databaseUrl });
try {
  await client.connect();
  const before = await relationOctets(client);
  for (let n = 0; n < ROUNDS; n += 1) {
    await round(CALLS / ROUNDS);
    await clearUp(client, { whole: false });
  }
  // Their rows go after an hour.
  await client.query('delete from holdfast.openings');
  await clearUp(client, { whole: false });
  const used = await relationOctets(client);
  await clearUp(client, { whole: true });
  show('in use, with the room that dead rows left', grownBy(before, used, CALLS));
  show('without that room', grownBy(before, await relationOctets(client), CALLS));
  for (const table of ['events', 'approvals', 'decisions', 'joiners', 'cards', 'card_contents']) {
    const row = await client.query<{ columns: object; whole: string; pages: string }>(`
      select json_object_agg(key, avg) as columns, (select avg(pg_column_size(t.*)) from holdfast.${table} t) as whole,
        (select pg_relation_size('holdfast.${table}') / count(*) from holdfast.${table}) as pages from (
        select key, avg(pg_column_size(value))::int as avg from holdfast.${table} t, jsonb_each_text(to_jsonb(t)) group by key having avg(pg_column_size(value)) > 1) c`);
    console.log(table, row.rows[0]!.whole, row.rows[0]!.pages, JSON.stringify(row.rows[0]!.columns));
  }
  const events = await client.query<{ type: string; count: string; octets: string; body: string }>(`
    select type, count(*), avg(octet_length(body))::int as octets, max(body) as body from holdfast.events
    where approval_id is not null group by type order by 2 desc`);
  for (const { type, count, octets } of events.rows)
    console.log(`${type.padEnd(24)} ${count.padStart(6)}  ${octets} octets`);
  if (process.argv.includes('--texts')) for (const { body } of events.rows) console.log(body);
} finally {
  await client.end();
  await world.close();
}

function show(what: string, grown: ReturnType<typeof grownBy>): void {
  const sum = (of: typeof grown): string => of.reduce((all, { octets }) => all + octets, 0).toFixed(0);
  const indexes = grown.filter(({ index }) => index !== null);
  console.log(`${sum(grown)} octets a call ${what}; ${sum(indexes)} of them indexes`);
  for (const { table, index, octets } of grown)
    console.log(`  ${octets.toFixed(0).padStart(6)}  ${table} ${index ?? ''}`);
}

/** Asks, approves and answers so many calls, and waits until their cards tell it. */
async function round(count: number): Promise<void> {
  const { house, gateway } = world;
  const calls = await parkStorm(house, gateway, { tool: 'create_key', count, from: made, args: argumentsOf });
  made += count;
  const planned = calls.map((call) => ({ call, by: 'U0MIRA' }));
  await clickStorm(house, planned, { withinMs: count * 20 });
  house.slack.rates = false;
  await Promise.all(calls.map(({ answer }) => answer));
  for (;;) {
    const open = await client.query(`
      select 1 from holdfast.approvals where shown < revision
      union all select 1 from holdfast.events where seq is null limit 1`);
    if (open.rows.length === 0) return;
    await sleep(200);
  }
}

/** About 200 octets. */
function argumentsOf(n: number): Readonly<Record<string, string>> {
  const project = `prj_${(n * 2_654_435_761).toString(36)}`;
  return {
    project,
    environment: 'production',
    scope: 'read write',
    note: `for the release of ${project}, asked by the release train of week ${n % 52}`,
  };
}
