/**
 * What a card showed, packed (`approval/packed-card.ts`); `content` is then empty. Rows from before keep their texts, and are
 * read as ever.
 */
export const MIGRATION_0086: readonly string[] = [
  'alter table holdfast.card_contents add column if not exists packed bytea',
];
