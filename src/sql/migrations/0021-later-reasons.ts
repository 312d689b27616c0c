/** A caller who joins with another reason than the first one adds it to the approval; nothing is put in its place. */
export const MIGRATION_0021: readonly string[] = [
  `alter table holdfast.approvals add column if not exists later_reasons jsonb not null default '[]'`,
];
