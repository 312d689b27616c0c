/** Allowances: those that have not ended are a sealed set; nothing is deleted. */
export const MIGRATION_0057: readonly string[] = [
  `create table if not exists holdfast.allowances (
    id text primary key,
    approval_id text not null,
    grant_name text not null,
    server text not null,
    tool text not null,
    owner text,
    token_sha256 text not null,
    policy_digest text not null,
    may_vary text not null,
    within text not null,
    likeness text not null,
    look text,
    bounds text not null,
    used integer not null,
    at timestamptz not null,
    until timestamptz not null,
    given_by text not null,
    ended_at timestamptz,
    ended_why text,
    ended_by text,
    seal text
  )`,
  `create index if not exists allowances_living on holdfast.allowances (id) where ended_at is null`,
  `create index if not exists allowances_ended on holdfast.allowances (ended_at) where ended_at is not null`,
  `create index if not exists allowances_by_approval on holdfast.allowances (approval_id)`,
];
