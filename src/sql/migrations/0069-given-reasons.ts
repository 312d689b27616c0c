/**
 * Whether a session's client answers forms, and reasons that agents gave to a replica that did not ask for them: kept,
 * sealed, until the one that did has read them, or for a quarter of an hour.
 */
export const MIGRATION_0069: readonly string[] = [
  `alter table holdfast.sessions add column if not exists forms boolean not null default false`,
  `create table if not exists holdfast.given_reasons (
    key text primary key,
    reason bytea not null,
    at timestamptz not null default clock_timestamp()
  )`,
];
