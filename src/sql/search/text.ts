import { type RawBuilder, sql } from 'kysely';

const APPROVAL_ID = /^ap_[0-9a-z]{26}$/;
const FINGERPRINT = /^[0-9a-f]{16,64}$/;

/** The approval that a searched text names, if it is an approval's id. */
export function approvalIn(text: string | undefined): string | null {
  const id = text?.trim() ?? '';
  return APPROVAL_ID.test(id) ? id : null;
}

/** A query through one index: the numbers of the newest `most` events that meet these conditions on columns as well. */
export type IndexQuery = (columns: RawBuilder<unknown>, most: number) => RawBuilder<unknown>;

/** What a text asks for that is not in the columns. */
export interface TextSearch {
  /** A condition on an event `e` at hand. */
  readonly matches: RawBuilder<unknown>;
  /** The same through indexes: an event matches if any of these queries finds it. One with `or` would use no index. */
  readonly queries: readonly IndexQuery[];
}

/** null: nothing but columns. */
export function textSearch(text: string | undefined): TextSearch | null {
  const asked = text?.trim() ?? '';
  if (asked === '' || approvalIn(asked) !== null) return null;
  // The scheme of a URI is no word of the log.
  const words = asked
    .replaceAll(/\b[a-z][a-z0-9+.-]*:\/\//gi, ' ')
    .replaceAll(/[^\p{L}\p{N}_.@/-]+/gu, ' ')
    .trim();
  if (words === '') return { matches: sql`false`, queries: [() => sql`select 0::bigint as n where false`] };
  const query = sql`regexp_replace(plainto_tsquery('simple', ${words})::text, '''(?= |$)', ''':*', 'g')::tsquery`;
  const hasWords = sql`(e.seq is not null and holdfast.words(e.body) @@ (${query}))`;
  const queries = [byWords(hasWords), byPhrase(query)];
  if (!FINGERPRINT.test(asked)) return { matches: hasWords, queries };
  // In hex a prefix is a range of the index.
  const approvals = sql`select id from holdfast.approvals where fingerprint >= ${asked} and fingerprint < ${`${asked}g`}`;
  const isOfThem = sql`e.n in (select n from holdfast.events where approval_id in (${approvals}))`;
  return { matches: sql`(${hasWords} or ${isOfThem})`, queries: [...queries, byApproval(isOfThem)] };
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

function byApproval(isOfThem: RawBuilder<unknown>): IndexQuery {
  return (columns) => sql`
    (select e.n from holdfast.events e left join holdfast.approvals a on a.id = e.approval_id
    where ${columns} and ${isOfThem} offset 0)`;
}
