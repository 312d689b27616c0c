/** Tasks, rounds and continuations: what a call leaves behind when nobody holds a stream for it. */
export const TASKS_MIGRATION = `
  create table holdfast.tasks (
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
  );
  create index tasks_open on holdfast.tasks (approval_id) where phase = 'held';
  create index tasks_sending on holdfast.tasks (lease_until) where phase = 'sending';
  create index tasks_grant on holdfast.tasks (grant_name, server, created_at desc);
  create index tasks_expiry on holdfast.tasks (expires_at);

  -- By the keyed digest of the state an upstream issued under an approval: good for one call.
  create table holdfast.continuations (
    digest text not null,
    grant_name text not null,
    server text not null,
    fingerprint text not null,
    approval_id text not null references holdfast.approvals (id) on delete cascade,
    expires_at timestamptz not null,
    primary key (digest, grant_name, server, fingerprint)
  );
  create index continuations_expiry on holdfast.continuations (expires_at);

  alter table holdfast.joiners add column round integer not null default 0;
  alter table holdfast.sessions add column client text;
`;

/** Whether the agent has had the answer of its task: one that was lost on the way is handed to the same call again. */
export const TASK_FETCHED_MIGRATION = 'alter table holdfast.tasks add column fetched_at timestamptz';

/**
 * What a dispatched approval awaits besides a response, the tasks that servers made of approved calls, and what servers
 * ask while a call runs as a task.
 */
export const PURSUITS_MIGRATION = `
  alter table holdfast.approvals add column awaits text;

  create table holdfast.pursuits (
    approval_id text primary key references holdfast.approvals (id) on delete cascade,
    dispatcher text not null,
    task_id text,
    grant_name text not null,
    server text not null,
    kept bytea not null,
    holder text not null,
    held_until timestamptz not null,
    started_at timestamptz not null
  );
  create index pursuits_held on holdfast.pursuits (held_until);

  create table holdfast.questions (
    n bigint generated always as identity primary key,
    task_id text not null references holdfast.tasks (id) on delete cascade,
    session text,
    request_id text not null,
    kept bytea not null
  );
  create index questions_task on holdfast.questions (task_id, n);
  create index questions_request on holdfast.questions (request_id);

  create index tasks_live on holdfast.tasks (approval_id) where phase in ('held', 'input', 'relayed');
`;
