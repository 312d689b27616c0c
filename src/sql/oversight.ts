import { type Kysely, type Selectable, sql } from 'kysely';
import { ADMIN } from '../domain/approval/current.ts';
import { isObject, type Json, member } from '../domain/json/json.ts';
import {
  type Addition,
  addSums,
  COUNTED_TYPES,
  type CountedEvent,
  lineOf,
  NO_SUMS,
  type Overseen,
  type Sums,
  toolLineOf,
} from '../domain/log/oversight.ts';
import type { Oversight, Seals } from '../ports.ts';
import { mapInTurns } from '../time/map-in-turns.ts';
import { guarded } from './connection/guard.ts';
import { eventTextOf, timeIn } from './log/deciding.ts';
import type { OversightSumsTable } from './table/oversight-tables.ts';
import { NO_COUNTS, type SealedTables } from './table/sealed-tables.ts';
import type { Db, Tables } from './table/tables.ts';

/** Tools of one day that get a row of their own: agents may choose their names. */
const MOST_TOOLS_A_DAY = 1_000;
const OTHER_TOOLS = '(other tools)';
/** Tools that get a line of their own in a report. */
const MOST_TOOLS_TOLD = 2_000;
/** Rows that one report reads. */
const MOST_ROWS = 100_000;
const CURSOR = 'cursor';

interface FoundEvent {
  readonly type: string;
  readonly at: Date;
  readonly actor: string;
  readonly server: string | null;
  readonly tool: string | null;
  /** Of a question only null: it may be long, and nothing of it counts. */
  readonly body: string | null;
  readonly seal: string | null;
  readonly seq: string;
  /** Of its approval, as it was frozen. */
  readonly groups: Json;
  readonly people: Json;
  readonly admin: Json;
  readonly names: Json;
}

/**
 * The `Oversight` port. Each event is counted once, in the order of the chain, in which none is added before another that was
 * read; so what a report costs depends on its days and subjects, not on the log. Sums and cursor are sealed: a row that
 * somebody changed is left out, and said so.
 */
export function sqlOversight(db: Kysely<Tables>, seals: Seals, tables: SealedTables): Oversight {
  return guarded<Oversight>({
    count: (most, additionsOf) =>
      db.transaction().execute(async (trx) => {
        await sql`select pg_advisory_xact_lock(hashtextextended('oversight', 0))`.execute(trx);
        const from = await cursorOf(trx, tables);
        const looked = await sql<{ upto: string | null; looked: number }>`
          select max(seq)::text as upto, count(*)::int as looked from (
            select seq from holdfast.events where seq > ${String(from)}::bigint order by seq limit ${most}) p`.execute(
          trx,
        );
        const { upto, looked: count } = looked.rows[0]!;
        if (upto === null) return 0;
        const events = await countedEvents(trx, from, Number(upto));
        const additions = events
          .filter((event) => isOurs(seals, event))
          .flatMap((event) => {
            const counted = countedOf(event);
            const seq = Number(event.seq);
            return counted === null ? [] : additionsOf(counted).map((one): Placed => ({ ...one, seq }));
          });
        await addAll(trx, tables, additions);
        await moveCursor(trx, tables, Number(upto));
        return count;
      }),
    reseal: async (most) => {
      if (seals.earlier.length === 0) return;
      await db.transaction().execute(async (trx) => {
        await sql`select pg_advisory_xact_lock(hashtextextended('oversight', 0))`.execute(trx);
        const found = await sql<Selectable<OversightSumsTable>>`
          select * from holdfast.oversight_sums where not starts_with(seal, ${seals.prefix}) order by day desc limit ${most}`.execute(
          trx,
        );
        for (const row of found.rows) {
          if (!tables.believes('oversight_sums', row)) continue;
          await sql`
            update holdfast.oversight_sums set seal = ${tables.seal('oversight_sums', row)}
            where day = ${row.day} and kind = ${row.kind} and subject = ${row.subject}`.execute(trx);
        }
      });
    },
    report: async ({ from, to }) => {
      const [found, upTo] = await Promise.all([
        sql<Selectable<OversightSumsTable>>`
          select * from holdfast.oversight_sums where day between ${from} and ${to}
          order by day desc limit ${MOST_ROWS + 1}`.execute(db),
        cursorOf(db, tables),
      ]);
      // A hundred thousand seals take a second, and calls wait meanwhile.
      const read = await mapInTurns(found.rows.slice(0, MOST_ROWS), (row): Summed | null =>
        believesSums(tables, row) ? { ...row, sums: readSums(row.sums).sums } : null,
      );
      const rows = read.filter((row) => row !== null);
      const of = (kind: Overseen) => summedUp(rows.filter((row) => row.kind === kind));
      return {
        ...{ from, to, upTo, cut: found.rows.length > MOST_ROWS },
        people: of('person').map(([name, sums]) => lineOf(name, sums)),
        groups: of('group').map(([name, sums]) => lineOf(name, sums)),
        tools: shortened(of('tool')).map(([name, sums]) =>
          name === OTHER_TOOLS ? { ...lineOf(name, sums), candidate: null } : toolLineOf(name, sums),
        ),
        doubtful: rows.length < read.length,
      };
    },
  });
}

/** 0: nothing is counted yet, or the row is none of a gateway; then all is looked at again, and each row takes what it does not have. */
async function cursorOf(db: Db, tables: SealedTables): Promise<number> {
  const found = await sql<{ id: string; seq: string; seal: string | null }>`
    select id, seq::text as seq, seal from holdfast.oversight_cursor where id = ${CURSOR}`.execute(db);
  const [row] = found.rows;
  return row !== undefined && tables.believes('oversight_cursor', row) ? Number(row.seq) : 0;
}

async function moveCursor(trx: Db, tables: SealedTables, seq: number): Promise<void> {
  const seal = tables.seal('oversight_cursor', { id: CURSOR, seq: String(seq) });
  await sql`
    insert into holdfast.oversight_cursor (id, seq, seal) values (${CURSOR}, ${String(seq)}::bigint, ${seal})
    on conflict (id) do update set seq = excluded.seq, seal = excluded.seal`.execute(trx);
}

async function countedEvents(trx: Db, after: number, upto: number): Promise<readonly FoundEvent[]> {
  const found = await sql<FoundEvent>`
    select e.type, e.at, e.actor, e.server, e.tool, e.seal, e.seq::text as seq,
      case when e.type = 'approval.requested' then null else e.body end as body,
      (a.requirement::json)->'groups' as groups, (a.requirement::json)->'people' as people,
      (a.requirement::json)->'admin' as admin, (a.requirement::json)->'names' as names
    from holdfast.events e left join holdfast.approvals a on a.id = e.approval_id
    where e.seq > ${String(after)}::bigint and e.seq <= ${String(upto)}::bigint and e.type = any(${[...COUNTED_TYPES]}::text[])
    order by e.seq`.execute(trx);
  return found.rows;
}

/** Whether a gateway wrote this decision, also with a secret that is listed no longer, or before there were seals. */
function isOurs(seals: Seals, { body, seal, seq }: FoundEvent): boolean {
  if (body === null || seals.fits('event', body, seal)) return true;
  if (seal === null) return seals.mayLack(Number(seq));
  return seals.maker(seal) === 'retired' && seals.wasGood(seal, Number(seq));
}

/** A decision as its sealed text has it; a question by its columns. null: no such event. */
function countedOf(event: FoundEvent): CountedEvent | null {
  const { body, groups, people, admin, names } = event;
  const texts = (list: Json): readonly string[] =>
    Array.isArray(list) ? list.filter((each) => typeof each === 'string') : [];
  const named = (id: string): string => {
    const name = isObject(names) && Object.hasOwn(names, id) ? names[id] : undefined;
    return typeof name === 'string' ? name : id;
  };
  const ids = [...texts(people), ...(admin === true ? [ADMIN] : [])];
  const asked = { groups: texts(groups), people: [...new Set(ids.map(named))] };
  const { type, at, actor, server, tool } = event;
  if (body === null) return { type, at, actor, server, tool, data: {}, ...asked };
  const said = eventTextOf({ body });
  const word = (name: string): string | null => {
    const value = member(said, name);
    return typeof value === 'string' ? value : null;
  };
  const what = { type: word('type'), actor: word('actor'), server: word('server'), tool: word('tool') };
  if (what.type !== type || what.actor === null) return null;
  // As the question has it, so that one person is one line.
  const by = named(what.actor.replace(/^(?:slack|login):/, ''));
  return { ...what, type, actor: by, at: timeIn(said), data: member(said, 'data') ?? {}, ...asked };
}

/** What an event adds, and its place in the chain. */
interface Placed extends Addition {
  readonly seq: number;
}

/** In the order of the chain. */
async function addAll(trx: Db, tables: SealedTables, additions: readonly Placed[]): Promise<void> {
  const crowded: Placed[] = [];
  for (const row of byRow(additions)) if (!(await addTo(trx, tables, row))) crowded.push(...row);
  const others = crowded.map((one) => ({ ...one, subject: OTHER_TOOLS })).sort((one, other) => one.seq - other.seq);
  for (const row of byRow(others)) await addTo(trx, tables, row);
}

function byRow(additions: readonly Placed[]): Iterable<readonly Placed[]> {
  return Map.groupBy(additions, ({ day, kind, subject }) => JSON.stringify([day, kind, subject])).values();
}

/**
 * Adds to one row what it does not have yet: it says up to which place it was counted. So places that are counted again,
 * because the cursor is gone, older or not believed, add nothing. A row that is not believed stays as it is, or what was in
 * it would be gone without a word. false: there is no room for one more tool of this day.
 */
async function addTo(trx: Db, tables: SealedTables, additions: readonly Placed[]): Promise<boolean> {
  const { day, kind, subject } = additions[0]!;
  const found = await sql<Selectable<OversightSumsTable>>`
    select * from holdfast.oversight_sums where day = ${day} and kind = ${kind} and subject = ${subject}`.execute(trx);
  const [row] = found.rows;
  if (row === undefined && kind === 'tool' && subject !== OTHER_TOOLS && (await toolsOf(trx, day)) >= MOST_TOOLS_A_DAY)
    return false;
  const isEmpty = row === undefined || isDisowned(row);
  if (!isEmpty && !believesSums(tables, row)) return true;
  const before = isEmpty ? NOTHING : readSums(row.sums);
  const fresh = additions.filter(({ seq }) => seq > before.upTo);
  if (fresh.length === 0) return true;
  const sums = fresh.reduce((all, one) => addSums(all, one.sums), before.sums);
  const text = JSON.stringify({ ...sums, upTo: fresh.at(-1)!.seq });
  const seal = tables.seal('oversight_sums', { subject, kind, day, sums: text });
  await sql`
    insert into holdfast.oversight_sums (subject, kind, day, sums, seal) values (${subject}, ${kind}, ${day}, ${text}, ${seal})
    on conflict (day, kind, subject) do update set sums = excluded.sums, seal = excluded.seal`.execute(trx);
  return true;
}

async function toolsOf(trx: Db, day: string): Promise<number> {
  const found = await sql<{ tools: number }>`
    select count(*)::int as tools from holdfast.oversight_sums where day = ${day} and kind = 'tool'`.execute(trx);
  return found.rows[0]!.tools;
}

type SumsRow = Selectable<OversightSumsTable>;

/** An operator accepted it as changed, and it is being counted anew. */
function isDisowned({ seal, sums }: SumsRow): boolean {
  return seal === null && sums === NO_COUNTS;
}

/** No gateway ever wrote one without a seal. */
function believesSums(tables: SealedTables, row: SumsRow): boolean {
  if (row.seal === null && !isDisowned(row)) tables.tell('oversight_sums', row.subject);
  return tables.believes('oversight_sums', row);
}

/** What a row says, and the place in the chain up to which it is counted. */
interface Counted {
  readonly sums: Sums;
  readonly upTo: number;
}

const NOTHING: Counted = { sums: NO_SUMS, upTo: 0 };

/** As a gateway wrote them. */
function readSums(text: string): Counted {
  const { upTo = 0, ...sums } = JSON.parse(text) as Partial<Sums> & { readonly upTo?: number };
  return { sums: { ...NO_SUMS, ...sums }, upTo };
}

/** Agents choose the names of tools, so those that matter least share a line. */
function shortened(lines: readonly (readonly [string, Sums])[]): readonly (readonly [string, Sums])[] {
  const named = lines.filter(([name]) => name !== OTHER_TOOLS);
  const first = named.slice(0, MOST_TOOLS_TOLD);
  const kept = new Set(first.map(([name]) => name));
  const others = lines.filter(([name]) => !kept.has(name));
  if (others.length === 0) return first;
  return [...first, [OTHER_TOOLS, others.reduce((all, [, sums]) => addSums(all, sums), NO_SUMS)]];
}

interface Summed extends Pick<Selectable<OversightSumsTable>, 'kind' | 'subject'> {
  readonly sums: Sums;
}

/** By subject, those with the most decisions first. */
function summedUp(rows: readonly Summed[]): readonly (readonly [string, Sums])[] {
  const all = new Map<string, Sums>();
  for (const { subject, sums } of rows) all.set(subject, addSums(all.get(subject) ?? NO_SUMS, sums));
  const decided = ({ approved, denied }: Sums): number => approved + denied;
  return [...all].toSorted(
    ([name, one], [other, two]) => decided(two) - decided(one) || two.asked - one.asked || (name < other ? -1 : 1),
  );
}
