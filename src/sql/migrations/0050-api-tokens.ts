/** People's tokens for programs: a sealed set, of which nothing is deleted. */
export const MIGRATION_0050: readonly string[] = [
  `create table if not exists holdfast.api_tokens (
    id text primary key,
    digest text not null unique,
    owner text not null,
    name text not null,
    role text not null,
    at timestamptz not null,
    ends_at timestamptz not null,
    revoked_at timestamptz,
    revoked_by text,
    seal text
  )`,
];
