/**
 * Which replicas seal what they save of cards. One of a build that does not writes no such column, and a newer one does not
 * start beside it.
 */
export const MIGRATION_0045: readonly string[] = [
  'alter table holdfast.replicas add column if not exists seals_cards boolean not null default false',
];
