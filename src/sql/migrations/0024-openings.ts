/**
 * What a grant opened lately, so that a rate over any minute or hour is exact: approvals (with their id) and sessions.
 * Rows are deleted an hour later. The index finds, by grant, the bytes that are kept for it.
 */
export const MIGRATION_0024: readonly string[] = [
  `create table holdfast.openings (
    id text primary key,
    grant_name text not null,
    kind text not null,
    at timestamptz not null default clock_timestamp()
  )`,
  'create index openings_recent on holdfast.openings (grant_name, kind, at desc)',
  'create index openings_at on holdfast.openings (at)',
  `create index approvals_kept_bytes on holdfast.approvals (grant_name)
    where request is not null or result is not null`,
  'create index joiners_joined on holdfast.joiners (approval_id, joined_at desc)',
];
