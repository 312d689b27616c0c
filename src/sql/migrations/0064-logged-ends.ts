/**
 * Finds the events by which passkeys and tokens ended, as `events_that_decide` finds others: an operator who accepts the store
 * revives none.
 */
export const MIGRATION_0064: readonly string[] = [
  `create index if not exists events_that_end on holdfast.events (split_part(right(body, 48), '"type":"', 2), n)
    where split_part(right(body, 48), '"type":"', 2) in ('key.revoked"}', 'key.suspended"}', 'token.revoked"}',
      'token.suspended"}')`,
];
