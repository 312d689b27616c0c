/**
 * `acceptances`: how often an operator has accepted the store as it is after it went back in time, each sealed, so that
 * every replica learns of it. `sealed_sets`: the sealed head of each set of rows that matter by being there.
 */
export const MIGRATION_0032: readonly string[] = [
  `create table if not exists holdfast.acceptances (
    number bigint primary key,
    log text not null,
    at timestamptz not null,
    head bigint not null,
    last_event bigint not null,
    seal text not null
  )`,
  `create table if not exists holdfast.sealed_sets (
    name text primary key,
    version bigint not null,
    count bigint not null,
    digest text not null,
    seal text not null
  )`,
  'alter table holdfast.revocations add column if not exists seal text',
];
