/**
 * What a login of a person has besides, and to which account an e-mail address belongs. A sign-in makes one login: its flow
 * is unique.
 */
export const MIGRATION_0049: readonly string[] = [
  `create table if not exists holdfast.person_logins (
    id text primary key references holdfast.logins (id) on delete cascade,
    flow text not null unique,
    issuer text not null,
    subject text not null,
    session text,
    email text,
    name text not null,
    said text not null,
    checked_at timestamptz not null,
    kept bytea not null,
    checking_until timestamptz,
    seal text
  )`,
  'create index if not exists person_logins_account on holdfast.person_logins (issuer, subject)',
  `create table if not exists holdfast.person_emails (
    email text primary key,
    issuer text not null,
    subject text not null,
    at timestamptz not null,
    seal text
  )`,
];
