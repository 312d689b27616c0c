/** What is kept of plainly allowed calls, so that a changed policy can be tried on them. */
export const MIGRATION_0071: readonly string[] = [
  `create table if not exists holdfast.samples (
    day date not null,
    server text not null,
    tool text not null,
    rank text not null,
    at timestamptz not null,
    octets integer not null,
    content bytea not null,
    primary key (server, day, tool, rank)
  )`,
  `create index if not exists samples_at on holdfast.samples (at)`,
];
