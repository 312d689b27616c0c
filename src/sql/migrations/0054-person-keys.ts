/** Passkeys by which people sign: a sealed set, of which nothing is deleted. `counter`: of the last signature. */
export const MIGRATION_0054: readonly string[] = [
  `create table if not exists holdfast.person_keys (
    id text primary key,
    owner text not null,
    name text not null,
    public_key text not null,
    algorithm integer not null,
    origin text not null,
    counter bigint not null,
    at timestamptz not null,
    registered_at timestamptz,
    registered_by text,
    break_glass boolean not null default false,
    ended_at timestamptz,
    ended_by text,
    ended text,
    seal text
  )`,
];
