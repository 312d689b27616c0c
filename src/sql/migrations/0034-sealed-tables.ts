/**
 * Seals of rows that make something pass, or stop, by being there. Null in rows from before this migration: what lets
 * somebody pass is then not believed, and what stops stays in force.
 */
export const MIGRATION_0034: readonly string[] = [
  'alter table holdfast.freezes add column if not exists seal text',
  'alter table holdfast.logins add column if not exists seal text',
  'alter table holdfast.sessions add column if not exists seal text',
  'alter table holdfast.tasks add column if not exists seal text',
  'alter table holdfast.continuations add column if not exists seal text',
  'alter table holdfast.pursuits add column if not exists seal text',
  'alter table holdfast.asked_requests add column if not exists seal text',
  'alter table holdfast.plain_requests add column if not exists seal text',
  'alter table holdfast.issued_states add column if not exists seal text',
];
