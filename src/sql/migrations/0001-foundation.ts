/** Approvals with their callers and votes, the audit log with its checkpoints, limits, cards, sessions and replicas. */
export const MIGRATION_0001: readonly string[] = [
  `create table holdfast.approvals (
      id text primary key,
      state text not null,
      revision integer not null,
      server text not null,
      tool text not null,
      grant_name text not null,
      owner text,
      self_approval boolean not null,
      fingerprint text not null,
      requirement json not null,
      arguments json not null,
      trace json not null,
      stated_reason text,
      previous_unknown text,
      policy_digest text not null,
      request bytea,
      created_at timestamptz not null,
      expires_at timestamptz not null,
      pickup_until timestamptz,
      lease_until timestamptz,
      dispatcher text,
      note text,
      result bytea,
      result_until timestamptz,
      shown integer not null default 0,
      updated_at timestamptz not null
    )`,
  // P2: whatever two openers do at once, one live approval per fingerprint.
  `create unique index approvals_live on holdfast.approvals (fingerprint)
      where state in ('pending', 'approved', 'dispatched')`,
  'create index approvals_fingerprint on holdfast.approvals (fingerprint, created_at desc)',
  `create index approvals_grant_pending on holdfast.approvals (grant_name) where state = 'pending'`,
  `create index approvals_open on holdfast.approvals (state, id) where state in ('pending', 'approved', 'dispatched')`,
  'create index approvals_stale on holdfast.approvals (id) where shown < revision',
  'create index approvals_kept on holdfast.approvals (result_until) where result is not null',
  'create index approvals_state_newest on holdfast.approvals (state, id desc)',
  `create table holdfast.joiners (
      id text primary key,
      approval_id text not null references holdfast.approvals (id) on delete cascade,
      session text,
      request_id text not null,
      replica text,
      joined_at timestamptz not null,
      collected_at timestamptz,
      left_at timestamptz
    )`,
  'create index joiners_open on holdfast.joiners (approval_id) where collected_at is null and left_at is null',
  `create index joiners_session on holdfast.joiners (session, request_id)
      where collected_at is null and left_at is null and session is not null`,
  `create table holdfast.decisions (
      approval_id text not null references holdfast.approvals (id) on delete cascade,
      approver text not null,
      choice text not null,
      reason text,
      via text not null,
      self boolean not null,
      user_group text,
      at timestamptz not null,
      primary key (approval_id, approver)
    )`,
  `create table holdfast.events (
      n bigint generated always as identity primary key,
      body text not null,
      type text not null,
      at timestamptz not null,
      approval_id text,
      server text,
      tool text,
      grant_name text,
      actor text not null,
      seq bigint unique,
      hash text
    )`,
  'create index events_unsealed on holdfast.events (n) where seq is null',
  'create index events_approval on holdfast.events (approval_id, n) where approval_id is not null',
  `create table holdfast.checkpoints (
      seq bigint primary key,
      hash text not null,
      at timestamptz not null,
      body text not null,
      signature text not null
    )`,
  `create table holdfast.counters (
      key text not null,
      window_start timestamptz not null,
      window_end timestamptz not null,
      used numeric not null,
      primary key (key, window_start)
    )`,
  'create index counters_end on holdfast.counters (window_end)',
  `create table holdfast.cards (
      approval_id text primary key references holdfast.approvals (id) on delete cascade,
      channel text not null,
      ts text,
      revision integer not null,
      digest text not null,
      posted_at timestamptz
    )`,
  `create table holdfast.sessions (
      id text not null,
      server text not null,
      grant_name text not null,
      opened_at timestamptz not null,
      primary key (id, server)
    )`,
  `create table holdfast.replicas (
      id text primary key,
      seen_at timestamptz not null
    )`,
];
