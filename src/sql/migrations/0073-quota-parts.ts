/**
 * Parts of a window's quota that processes hold (decision 0067). What is in a part is in its counter's `used` already.
 * `recalls` counts how often a counter's parts were called back: a part that was taken before the last time is wanted back.
 */
export const MIGRATION_0073: readonly string[] = [
  `create table if not exists holdfast.quota_parts (
    id text primary key,
    holder text not null,
    key text not null,
    window_start timestamptz not null,
    size bigint not null,
    recalls integer not null,
    until timestamptz not null
  )`,
  `create index if not exists quota_parts_counter on holdfast.quota_parts (key, window_start)`,
  `create index if not exists quota_parts_until on holdfast.quota_parts (until)`,
  `alter table holdfast.counters add column if not exists recalls integer not null default 0,
    add column if not exists recalled_at timestamptz`,
];
