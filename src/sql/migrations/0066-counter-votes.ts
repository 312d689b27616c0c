/** A person opens an approval with a denial: whose proposal it is, and which approval the denial opened. */
export const MIGRATION_0066: readonly string[] = [
  'alter table holdfast.approvals add column if not exists counter_of text',
  'alter table holdfast.decisions add column if not exists counter text',
];
