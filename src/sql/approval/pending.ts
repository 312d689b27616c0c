import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Approval } from '../../domain/approval/approval.ts';
import type { Beholder, PendingCounts, PendingFilter, PendingPage, Seals } from '../../ports.ts';
import type { Tables } from '../table/tables.ts';
import { byteBoundedApprovals } from './read.ts';

/** A place in the order of pending approvals: whether it is the beholder's, its expiry in µs since the epoch, its id. */
const PLACE = /^([01])\.(\d{1,17})\.(ap_[0-9a-z]{1,60})$/;

interface PlacedRow {
  readonly total: number;
  readonly matching: number;
  readonly mine: number;
  readonly before: number;
  readonly id: string | null;
  readonly place: string;
  readonly kept: number;
}

/**
 * One statement counts and finds, another reads what it found. Whoever looks sees the soonest to expire of all that is
 * pending, however much that is: the small columns of every pending row are read, about 3 µs each.
 */
export async function pendingApprovals(
  db: Kysely<Tables>,
  seals: Seals,
  beholder: Beholder,
  filter: PendingFilter,
  { after, limit }: { readonly after?: string | undefined; readonly limit: number },
): Promise<PendingPage> {
  const found = await sql<PlacedRow>`
    with p as materialized (
      select a.id, a.expires_at, (extract(epoch from a.expires_at) * 1000000)::bigint as expiry, ${isMine(beholder)} as mine
      from holdfast.approvals a where a.state = 'pending' and ${admitted(filter)}
    ), q as (select * from p where ${filter.mine === true ? sql`mine` : sql`true`}),
    r as (select *, ${beyond(after)} as beyond from q)
    select c.*, s.* from (
      select (select count(*)::int from holdfast.approvals where state = 'pending') as total,
        count(*)::int as matching, count(*) filter (where mine)::int as mine, count(*) filter (where not beyond)::int as before
      from r
    ) c left join lateral (
      select r.id, mine::int || '.' || expiry || '.' || r.id as place,
        (select pg_column_size(a.arguments) + pg_column_size(a.sent) from holdfast.approvals a where a.id = r.id) as kept
      from r where beyond order by mine desc, expiry, r.id limit ${limit + 1}
    ) s on true`.execute(db);
  const { total, matching, mine, before } = found.rows[0]!;
  const placed = found.rows.filter((row): row is PlacedRow & { id: string } => row.id !== null);
  const read = await byteBoundedApprovals(db, seals, placed.slice(0, limit), sql`a.state = 'pending'`);
  const byId = new Map(read.items.map((approval) => [approval.id, approval]));
  const last = placed[read.looked - 1];
  return {
    items: placed.map(({ id }) => byId.get(id)).filter((item): item is Approval => item !== undefined),
    next: last !== undefined && placed.length > read.looked ? last.place : null,
    ...{ total, matching, mine, before },
  };
}

/** Whether an approval `a` waits for this person, by its frozen requirement: their vote counts, and they gave none yet. */
function isMine({ ways, person, userGroups, admin }: Beholder): RawBuilder<boolean> {
  const admits = (circle: RawBuilder<unknown>): RawBuilder<unknown> => sql`(
    (${admin}::boolean and ${circle}->>'admin' = 'true')
    or jsonb_exists_any((${circle}->'people')::jsonb, ${ways}::text[])
    or jsonb_exists_any((${circle}->'userGroups')::jsonb, ${userGroups}::text[])
    or exists (select 1 from json_array_elements((${circle}->'standIns')::json) s
      where s->>'by' = any(${ways}::text[]) and (s->>'until')::timestamptz > clock_timestamp()))`;
  // Where groups have places, only people of these groups count, and later those who may fill any.
  const places = sql`(a.requirement->'places')::json`;
  const own = sql`case when ${places} is null then ${admits(sql`a.requirement`)}
    else exists (select 1 from json_array_elements(${places}) place where ${admits(sql`place`)}) end`;
  const further = sql`coalesce(a.requirement->'escalate'->'anyPlace', a.requirement->'escalate')`;
  const escalates = sql`(a.requirement->'escalate'->>'afterMs')::float8 * interval '1 millisecond'`;
  return sql<boolean>`coalesce(
    (${own}
      or (a.created_at + ${escalates} <= clock_timestamp() and ${admits(further)}))
    and (a.self_approval or a.owner is null or a.owner <> all(${ways}::text[]))
    and not exists (select 1 from holdfast.decisions d where d.approval_id = a.id
      and (d.approver = any(${ways}::text[]) or d.person = ${person}::text)), false)`;
}

/** What the filter admits of approvals `a`. */
function admitted({ server, tool, grant, risk, text, without = [] }: PendingFilter): RawBuilder<unknown> {
  const terms = [
    server === undefined ? null : sql`a.server = ${server}`,
    grant === undefined ? null : sql`${grant}::text in (a.grant_name, split_part(a.grant_name, '/', 1))`,
    tool === undefined ? null : sql`a.tool ilike ${anywhere(tool)}`,
    risk === undefined ? null : sql`a.trace->>'risk' is not distinct from ${risk === 'unstated' ? null : risk}::text`,
    text === undefined ? null : says(text),
    without.length === 0 ? null : sql`a.id <> all(${[...without]}::text[])`,
  ].filter((term) => term !== null);
  return terms.length === 0 ? sql`true` : sql.join(terms, sql` and `);
}

/** Arguments are searched as their JSON, so that what JSON escapes is found too. */
function says(text: string): RawBuilder<unknown> {
  const plain = anywhere(text);
  const inJson = anywhere(JSON.stringify(text).slice(1, -1));
  return sql`(a.id = ${text} or a.fingerprint like ${`${literal(text)}%`} or a.server ilike ${plain} or a.tool ilike ${plain}
    or a.grant_name ilike ${plain} or a.owner ilike ${plain} or a.stated_reason ilike ${plain}
    or a.trace->>'reason' ilike ${plain} or a.arguments::text ilike ${inJson} or a.sent::text ilike ${inJson})`;
}

const literal = (text: string): string => text.replaceAll(/[\\%_]/g, String.raw`\$&`);
const anywhere = (text: string): string => `%${literal(text)}%`;

/** Whether a row comes after this place; any row comes after none, and after what is no place. */
function beyond(after: string | undefined): RawBuilder<unknown> {
  const [, mine, expiry, id] = PLACE.exec(after ?? '') ?? [];
  if (mine === undefined) return sql`true`;
  return sql`(not mine, expiry, id) > (${mine === '0'}::boolean, ${expiry}::bigint, ${id}::text)`;
}

export async function pendingCounts(db: Kysely<Tables>): Promise<PendingCounts> {
  const found = await sql<PendingCounts>`
    select count(*)::int as pending, min(created_at) as oldest,
      (select count(*)::int from holdfast.approvals where state = 'unknown') as unknown
    from holdfast.approvals where state = 'pending'`.execute(db);
  return found.rows[0]!;
}
