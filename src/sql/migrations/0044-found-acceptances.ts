/**
 * An acceptance is found by a MAC over its log and number, which nobody else can make, and no longer by the number alone:
 * rows that somebody adds with the next numbers keep no operator from accepting, and hide no row from whoever reads.
 */
export const MIGRATION_0044: readonly string[] = [
  'alter table holdfast.acceptances add column if not exists tag text',
  'alter table holdfast.acceptances drop constraint if exists acceptances_pkey',
  'create unique index if not exists acceptances_tag on holdfast.acceptances (tag)',
  'create index if not exists acceptances_number on holdfast.acceptances (log, number) where tag is null',
];
