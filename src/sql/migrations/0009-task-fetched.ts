/**
 * Whether the agent has fetched its task's answer. An answer that was lost on the way is handed to the same call when
 * it comes again.
 */
export const MIGRATION_0009: readonly string[] = ['alter table holdfast.tasks add column fetched_at timestamptz'];
