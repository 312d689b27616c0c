/** Which run is writing a card, on which replica, and until when at most. */
export const MIGRATION_0004: readonly string[] = [
  'alter table holdfast.cards add column run text, add column run_by text, add column run_until timestamptz',
];
