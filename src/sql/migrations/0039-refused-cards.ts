/**
 * Why the channel of a card takes nothing until somebody mends it, and when Slack is asked next whether the message of a
 * card is still there, by the database's clock.
 */
export const MIGRATION_0039: readonly string[] = [
  'alter table holdfast.cards add column if not exists refused text',
  'alter table holdfast.cards add column if not exists look_at timestamptz',
];
