/** How far each sink has got, and the indexes that reviewers search by: newest first, paged by `n`. */
export const MIGRATION_0003: readonly string[] = [
  `create table holdfast.sinks (
      name text primary key,
      seq bigint not null,
      failures integer not null default 0,
      updated_at timestamptz not null
    )`,
  'create index events_at on holdfast.events (at, n)',
  'create index events_type on holdfast.events (type, n)',
  'create index events_tool on holdfast.events (server, tool, n)',
  'create index events_grant on holdfast.events (grant_name, n)',
  'create index events_actor on holdfast.events (actor, n)',
  `create index events_words on holdfast.events using gin (to_tsvector('simple', left(body, 200000)))`,
];
