/** Calls that are remembered because a policy asks what was called before. */
export const MIGRATION_0059: readonly string[] = [
  `create table if not exists holdfast.memories (
    place text not null,
    ref text not null,
    at timestamptz not null,
    until timestamptz not null,
    seal text,
    primary key (place, ref)
  )`,
  `create index if not exists memories_place on holdfast.memories (place, at desc)`,
  `create index if not exists memories_until on holdfast.memories (until)`,
];
