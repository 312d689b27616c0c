/**
 * Whether a session's client answers forms, and reasons that agents gave to a replica that did not ask for them: kept,
 * sealed, until the one that did has read them, or for a quarter of an hour. And what finds the calls of one owner's
 * agents.
 */
export const MIGRATION_0069: readonly string[] = [
  `alter table holdfast.sessions add column if not exists forms boolean not null default false`,
  `create table if not exists holdfast.given_reasons (
    key text primary key,
    reason bytea not null,
    at timestamptz not null default clock_timestamp()
  )`,
  // An owner's own calls, and those of the grants that are theirs today.
  `create index if not exists approvals_owner on holdfast.approvals (owner, id) where owner is not null`,
  `create index if not exists approvals_grant on holdfast.approvals (split_part(grant_name, '/', 1), id)`,
];
