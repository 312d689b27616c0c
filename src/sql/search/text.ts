import { type RawBuilder, sql } from 'kysely';
import { ABOUT, isAbout } from '../log/about.ts';

const APPROVAL_ID = /^ap_[0-9a-z]{26}$/;
/** Twelve digits of it stand on the card of a batch. */
const FINGERPRINT = /^[0-9a-f]{12,64}$/;
/** Enough of an id that hardly another begins like it: it begins with the millisecond in which it was made. */
const BEGINNING = /^ap_[0-9a-z]{12,25}$/;
const ID_LENGTH = 29;
/** Ids and fingerprints of one text: of two calls at once no event says anything. */
const MOST_NAMES = 4;

/** The approval that a searched text names, if it is an approval's id. */
export function approvalIn(text: string | undefined): string | null {
  const id = text?.trim() ?? '';
  return APPROVAL_ID.test(id) ? id : null;
}

/** A query through one index: the numbers of the newest `most` events that meet these conditions on columns as well. */
export type IndexQuery = (columns: RawBuilder<unknown>, most: number) => RawBuilder<unknown>;

/** What a text asks for that is not in the columns. */
export interface TextSearch {
  /** What every event `e` that matches meets, and costs next to nothing. */
  readonly mayMatch: RawBuilder<unknown>;
  /** A condition on an event `e` at hand that meets the other one. */
  readonly matches: RawBuilder<unknown>;
  /** The same through indexes: an event matches if any of these queries finds it. One with `or` would use no index. */
  readonly queries: readonly IndexQuery[];
}

/** What has no word is in no event. */
const NOTHING: TextSearch = {
  mayMatch: sql`false`,
  matches: sql`false`,
  queries: [() => sql`select 0::bigint as n where false`],
};

/** null: nothing but columns. */
export function textSearch(text: string | undefined): TextSearch | null {
  const asked = text?.trim() ?? '';
  if (asked === '' || approvalIn(asked) !== null) return null;
  // The scheme of a URI is no word of the log.
  const words = asked
    .replaceAll(/\b[a-z][a-z0-9+.-]*:\/\//gi, ' ')
    .replaceAll(/[^\p{L}\p{N}_.@/-]+/gu, ' ')
    .trim();
  if (words === '') return NOTHING;
  const query = queryOf(words);
  const hasWords = has(query);
  const queries = [byWords(hasWords), byPhrase(query)];
  const likely = mayHave(words);
  const parts = words.split(' ');
  const names = parts.filter((part) => approvalsNamed(part) !== null);
  if (names.length === 0 || names.length > MOST_NAMES) return { mayMatch: likely, matches: hasAtHand(query), queries };
  // Most events about an approval have neither its id nor its fingerprint among their words (0085), but the rest of what is asked.
  const others = parts.filter((part) => !names.includes(part)).join(' ');
  const rest = others === '' ? sql`true` : has(queryOf(others));
  const named = sql.join(
    names.map((name) => sql`(${approvalsNamed(name)!})`),
    sql` intersect `,
  );
  const isOfThem = sql`e.n in (${eventsOf(named)})`;
  return {
    mayMatch: sql`(${likely} or (${others === '' ? sql`true` : mayHave(others)} and ${isOfThem}))`,
    matches: sql`((${isOfThem} and ${rest}) or ${hasAtHand(query)})`,
    // An approval may be gone while its events are here: then the words of its request name it.
    queries: [...queries, byApproval(sql`(${named}) union ${approvalsAsked(has(queryOf(names.join(' '))))}`, rest)],
  };
}

/** Each of these words, or the beginning of one. */
function queryOf(words: string): RawBuilder<unknown> {
  return sql`regexp_replace(plainto_tsquery('simple', ${words})::text, '''(?= |$)', ''':*', 'g')::tsquery`;
}

/** Whether event `e` has these words. */
function has(query: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(e.seq is not null and holdfast.words(e.body) @@ (${query}))`;
}

/**
 * The same of an event at hand: the words of a plainly allowed call are kept, and to find those of its text takes far longer. They
 * are read for each event by itself: of an `exists` Postgres would read all phrases that have the words, and there may be millions.
 */
function hasAtHand(query: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(e.seq is not null and case when e.phrase is null then holdfast.words(e.body) @@ (${query})
    else coalesce((select p.words @@ (${query}) from holdfast.phrases p where p.id = e.phrase), false) end)`;
}

const ASCII_WORD = /^[0-9a-z]+$/;
/** Runs of letters that are looked for: more of them exclude hardly another event. */
const MOST_RUNS = 8;

/**
 * Whether the text of event `e` can have these words: each stands in it, in whatever case. Finding that out costs a hundredth
 * of finding its words. A text that is not all ASCII may have them in letters whose small ones are ASCII.
 */
function mayHave(words: string): RawBuilder<unknown> {
  const runs = words
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((run) => ASCII_WORD.test(run));
  const first = [...new Set(runs)].slice(0, MOST_RUNS);
  if (first.length === 0) return sql`true`;
  const all = first.map((run) => sql`strpos(lower(e.body collate "C"), ${run}) > 0`);
  return sql`((${sql.join(all, sql` and `)}) or length(e.body) <> octet_length(e.body))`;
}

/** The ids of the approvals whose id or fingerprint begins like this; null: it is no beginning of either. */
function approvalsNamed(asked: string): RawBuilder<unknown> | null {
  if (APPROVAL_ID.test(asked)) return sql`select ${asked}::text as id`;
  // In hex a prefix is a range of the index.
  if (FINGERPRINT.test(asked)) {
    return sql`select id from holdfast.approvals where fingerprint >= ${asked} and fingerprint < ${`${asked}g`}`;
  }
  if (!BEGINNING.test(asked)) return null;
  return sql`select id from holdfast.approvals where id between ${asked} and ${asked.padEnd(ID_LENGTH, 'z')}`;
}

/** The same by the words of their requests. */
function approvalsAsked(hasWords: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(select ${ABOUT} from holdfast.events e
    where e.phrase is null and ${hasWords} and right(e.body, 28) = '"type":"approval.requested"}' offset 0)`;
}

/** The numbers of all events about these approvals, each looked up by itself. */
function eventsOf(approvals: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`select x.n from (${approvals}) named(id) cross join lateral (
    select e.n from holdfast.events e where ${isAbout(sql`named.id`)} offset 0) x`;
}

/**
 * Every word of the text is in the event, or begins a word there. There are words only: nothing in the text is an
 * operator. The words of an event are known once it is sealed, a second after it was written. `offset 0` keeps Postgres
 * from choosing another index.
 */
function byWords(hasWords: RawBuilder<unknown>): IndexQuery {
  return (columns) => sql`
    (select e.n from holdfast.events e left join holdfast.approvals a on a.id = e.approval_id
    where ${columns} and e.phrase is null and ${hasWords} offset 0)`;
}

/** The same for plainly allowed calls, whose words are kept once for all events that say the same. */
function byPhrase(query: RawBuilder<unknown>): IndexQuery {
  return (columns, most) => sql`
    (select said.n from holdfast.phrases p cross join lateral (
      select e.n from holdfast.events e left join holdfast.approvals a on a.id = e.approval_id
      where e.phrase = p.id and ${columns} order by e.n desc limit ${most}
    ) said where p.words @@ (${query}))`;
}

function byApproval(approvals: RawBuilder<unknown>, rest: RawBuilder<unknown>): IndexQuery {
  return (columns) => sql`
    (select e.n from holdfast.events e left join holdfast.approvals a on a.id = e.approval_id
    where ${columns} and e.n in (${eventsOf(approvals)}) and ${rest} offset 0)`;
}
