/** What a passkey signed, with the vote; and what is to be signed, once, within minutes. */
export const MIGRATION_0055: readonly string[] = [
  'alter table holdfast.decisions add column if not exists signature text',
  `create table if not exists holdfast.signing_nonces (
    digest text primary key,
    purpose text not null,
    login text not null,
    person text not null,
    approval_id text,
    choice text,
    at timestamptz not null,
    ends_at timestamptz not null,
    seal text
  )`,
  'create index if not exists signing_nonces_login on holdfast.signing_nonces (login)',
];
