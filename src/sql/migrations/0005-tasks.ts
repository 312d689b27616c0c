/** Tasks, rounds and continuations: what a call leaves behind while nobody holds a stream for it. */
export const MIGRATION_0005: readonly string[] = [
  `create table holdfast.tasks (
    id text primary key,
    approval_id text not null references holdfast.approvals (id) on delete cascade,
    joiner_id text not null,
    grant_name text not null,
    server text not null,
    era text not null,
    phase text not null,
    outcome text,
    note text,
    request bytea not null,
    kept bytea,
    lease_until timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    expires_at timestamptz not null
  )`,
  `create index tasks_open on holdfast.tasks (approval_id) where phase = 'held'`,
  `create index tasks_sending on holdfast.tasks (lease_until) where phase = 'sending'`,
  'create index tasks_grant on holdfast.tasks (grant_name, server, created_at desc)',
  'create index tasks_expiry on holdfast.tasks (expires_at)',
  // By the keyed digest of the state that a server issued under an approval: good for one call.
  `create table holdfast.continuations (
    digest text not null,
    grant_name text not null,
    server text not null,
    fingerprint text not null,
    approval_id text not null references holdfast.approvals (id) on delete cascade,
    expires_at timestamptz not null,
    primary key (digest, grant_name, server, fingerprint)
  )`,
  'create index continuations_expiry on holdfast.continuations (expires_at)',
  'alter table holdfast.joiners add column round integer not null default 0',
  'alter table holdfast.sessions add column client text',
];
