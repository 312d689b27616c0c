/** By what a vote counts: as one of a group that has places, or in the place of another. null: as one who may approve. */
export const MIGRATION_0053: readonly string[] = [
  `alter table holdfast.decisions add column if not exists rights text`,
];
