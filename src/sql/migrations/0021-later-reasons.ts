/**
 * A caller who joins with another reason than the first one adds it to the approval; nothing is put in its place. What is
 * sent is kept as the text that it is, like the arguments: `jsonb` refuses a NUL and sorts members.
 */
export const MIGRATION_0021: readonly string[] = [
  `alter table holdfast.approvals add column if not exists later_reasons jsonb not null default '[]'`,
  `alter table holdfast.approvals alter column sent drop default`,
  `alter table holdfast.approvals alter column sent type json using sent::json`,
  `alter table holdfast.approvals alter column sent set default '{"params":{},"meta":{},"headers":{}}'`,
];
