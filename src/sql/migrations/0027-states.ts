/**
 * What a server gave out and an agent brings back. `issued_states`: keyed digests of the states that servers issued to
 * gated calls (`approval_id`), kept after they were spent, and of those that they issued to allowed requests since.
 * `plain_requests`: ids of requests that a server sent an agent while no gated call could be meant by them.
 */
export const MIGRATION_0027: readonly string[] = [
  `create table if not exists holdfast.issued_states (
    n bigserial primary key,
    digest text not null,
    grant_name text not null,
    server text not null,
    approval_id text references holdfast.approvals (id) on delete cascade,
    issued_at timestamptz not null,
    until timestamptz not null
  )`,
  'create index if not exists issued_states_digest on holdfast.issued_states (digest)',
  `create index if not exists issued_states_of on holdfast.issued_states (approval_id) where approval_id is not null`,
  `create index if not exists issued_states_plain on holdfast.issued_states (grant_name, server)
    where approval_id is null`,
  'create index if not exists issued_states_expiry on holdfast.issued_states (until)',
  `create table if not exists holdfast.plain_requests (
    n bigserial primary key,
    grant_name text not null,
    server text not null,
    session text,
    request_key text not null,
    asked_at timestamptz not null
  )`,
  'create index if not exists plain_requests_key on holdfast.plain_requests (grant_name, server, request_key)',
  'create index if not exists plain_requests_expiry on holdfast.plain_requests (asked_at)',
];
