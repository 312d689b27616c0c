/**
 * What a server asks during a gated call, and what its agent answers. `questions` counts what the server asked instead
 * of ending the call, so that an answer belongs to one question; `asked` is what a leg answers; `answers` is what was
 * answered, redacted. `asked_requests` are requests that the server sent while the call ran: any replica can then tell
 * to which call an answer belongs. A task's `leg_id` names the approval for which its answers wait, and `leg_joiner` its seat there.
 */
export const MIGRATION_0026: readonly string[] = [
  `alter table holdfast.approvals
    add column if not exists asked jsonb,
    add column if not exists questions integer not null default 0,
    add column if not exists answers jsonb not null default '[]'`,
  `create index if not exists approvals_legs on holdfast.approvals (answers_to)
    where answers_to is not null and state in ('pending', 'approved')`,
  'alter table holdfast.tasks add column if not exists leg_id text, add column if not exists leg_joiner text',
  `create table if not exists holdfast.asked_requests (
    n bigserial primary key,
    approval_id text not null references holdfast.approvals (id) on delete cascade,
    grant_name text not null,
    server text not null,
    session text,
    request_key text not null,
    digest text not null,
    kept bytea not null,
    asked_at timestamptz not null,
    answered_at timestamptz
  )`,
  'create index if not exists asked_requests_of on holdfast.asked_requests (approval_id)',
  'create index if not exists asked_requests_key on holdfast.asked_requests (grant_name, server, request_key)',
];
