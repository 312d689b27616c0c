/**
 * What a dispatched approval awaits besides a response, the tasks that servers made of approved calls, and what servers
 * ask while a call runs as a task.
 */
export const MIGRATION_0012: readonly string[] = [
  'alter table holdfast.approvals add column awaits text',
  `create table holdfast.pursuits (
    approval_id text primary key references holdfast.approvals (id) on delete cascade,
    dispatcher text not null,
    task_id text,
    grant_name text not null,
    server text not null,
    kept bytea not null,
    holder text not null,
    held_until timestamptz not null,
    started_at timestamptz not null
  )`,
  'create index pursuits_held on holdfast.pursuits (held_until)',
  `create table holdfast.questions (
    n bigint generated always as identity primary key,
    task_id text not null references holdfast.tasks (id) on delete cascade,
    session text,
    request_id text not null,
    kept bytea not null
  )`,
  'create index questions_task on holdfast.questions (task_id, n)',
  'create index questions_request on holdfast.questions (request_id)',
  `create index tasks_live on holdfast.tasks (approval_id) where phase in ('held', 'input', 'relayed')`,
];
