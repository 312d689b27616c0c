/**
 * What was found out about a call when its card was made, and what later calls of the same tool by the same principal are
 * compared with; both sealed, in the words of `sql/table/sealed-facts.ts`. Found by whether somebody said yes.
 */
export const MIGRATION_0068: readonly string[] = [
  'alter table holdfast.approvals add column if not exists facts text, add column if not exists particulars text',
  `create index if not exists approvals_asked on holdfast.approvals (grant_name, server, tool,
      (state in ('approved', 'dispatched', 'succeeded', 'failed', 'unknown')), created_at desc)
    where answers_to is null`,
];
