/** Finds the questions that ended before their time: what witnesses have to know of (decision 0041). */
export const MIGRATION_0040: readonly string[] = [
  `create index if not exists approvals_ended_early on holdfast.approvals (greatest(expires_at, pickup_until))
    where state in ('denied', 'expired', 'withdrawn', 'lapsed')`,
];
