/** Standing denials, as allowances. */
export const MIGRATION_0058: readonly string[] = [
  `create table if not exists holdfast.denials (
    id text primary key,
    approval_id text not null,
    grant_name text not null,
    server text not null,
    tool text not null,
    may_vary text not null,
    likeness text not null,
    reason text,
    at timestamptz not null,
    until timestamptz not null,
    given_by text not null,
    ended_at timestamptz,
    ended_why text,
    ended_by text,
    seal text
  )`,
  `create index if not exists denials_living on holdfast.denials (id) where ended_at is null`,
  `create index if not exists denials_by_approval on holdfast.denials (approval_id)`,
];
