/** The name that the config's `people` gave to one who voted; null: it gave none, or the vote is older than that. */
export const MIGRATION_0033: readonly string[] = [
  `alter table holdfast.decisions add column if not exists person text`,
];
