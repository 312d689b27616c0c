import { type RawBuilder, sql } from 'kysely';

/** The approval that the text of event `e` is about, where it is about one; as `events_about` has it. */
export const ABOUT = sql.raw(`split_part(substr(e.body, strpos(e.body, ',"approval":"ap_') + 13, 64), '"', 1)`);

/**
 * Whether event `e` is about this approval, by its text: the column `approval_id` can be changed without breaking a seal.
 * The text is canonical, so inside a string every quote has a backslash before it. Where the event is about no approval,
 * a member of its `data` may be found; whoever reads the event sees that. The expressions are those of `events_about`.
 */
export function isAbout(approval: string | RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(strpos(e.body, ',"approval":"ap_') > 0
    and ${ABOUT} = ${approval})`;
}

/** Whether the text of event `e` says that it is of one of these types. It ends with its type. */
export function isOfType(types: readonly string[]): RawBuilder<unknown> {
  const ends = types.map((type) => `"type":"${type}"}`);
  return sql`substring(e.body from '"type":"[a-z._]*"}$') = any(${ends}::text[])`;
}
