/** A vote may be for calls like this one too, and a call may run under a vote that was given in advance. */
export const MIGRATION_0056: readonly string[] = [
  `alter table holdfast.decisions add column if not exists offers text`,
  `alter table holdfast.decisions add column if not exists allowance text`,
  `create index if not exists decisions_by_allowance on holdfast.decisions (allowance) where allowance is not null`,
];
