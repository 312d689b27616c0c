/** Counter-proposals: those whose approvals are not over are a sealed set; nothing is deleted. */
export const MIGRATION_0067: readonly string[] = [
  `create table if not exists holdfast.counter_proposals (
    id text primary key,
    approval_id text not null,
    grant_name text not null,
    server text not null,
    tool text not null,
    fingerprint text not null,
    proposed_by text not null,
    at timestamptz not null,
    ended_at timestamptz,
    seal text
  )`,
  'create index if not exists counter_proposals_living on holdfast.counter_proposals (id) where ended_at is null',
];
