/** When approvers were reminded and further ones asked, and which notices may not be repeated yet. */
export const MIGRATION_0006: readonly string[] = [
  'alter table holdfast.approvals add column reminded_at timestamptz, add column escalated_at timestamptz',
  `create table holdfast.notices (
      notice text primary key,
      until timestamptz not null
    )`,
];
