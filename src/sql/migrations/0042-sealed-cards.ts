/**
 * Seals of cards' records, and with each the seal of the event that last said what the card showed, so that a true record
 * from before is told from the last one. Null in rows from before this migration: then the events say what was shown.
 */
export const MIGRATION_0042: readonly string[] = [
  'alter table holdfast.cards add column if not exists seal text',
  'alter table holdfast.cards add column if not exists event_seal text',
];
