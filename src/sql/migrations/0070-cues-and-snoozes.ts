/**
 * What makes a question look different is looked up when it opens (`approval/asked-before.ts`), and a person may put a
 * question aside for a while, for themselves alone.
 */
export const MIGRATION_0070: readonly string[] = [
  `create index if not exists approvals_sent_by on holdfast.approvals (grant_name, server, tool)
    where state in ('dispatched', 'succeeded', 'failed', 'unknown')`,
  `create index if not exists approvals_asked_by on holdfast.approvals (grant_name, created_at) where state <> 'withdrawn'`,
  `create table if not exists holdfast.snoozes (
    approval_id text not null,
    person text not null,
    slack text,
    at timestamptz not null,
    until timestamptz not null,
    tell_at timestamptz,
    tries int not null default 0,
    seal text,
    primary key (person, approval_id)
  )`,
  `create index if not exists snoozes_tell on holdfast.snoozes (tell_at) where tell_at is not null`,
  `create index if not exists snoozes_approval on holdfast.snoozes (approval_id)`,
];
