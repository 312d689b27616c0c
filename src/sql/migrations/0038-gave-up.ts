/**
 * When a caller's client gave up waiting without calling its call off, by the database's clock; null: it did not, or
 * somebody has its seat again.
 */
export const MIGRATION_0038: readonly string[] = [
  'alter table holdfast.joiners add column if not exists gave_up_at timestamptz',
  `create index if not exists joiners_gave_up on holdfast.joiners (gave_up_at)
    where gave_up_at is not null and left_at is null and collected_at is null`,
];
