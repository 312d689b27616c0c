/** Requests that servers sent and nobody answered are read whole, and closed a day after their calls have ended. */
export const MIGRATION_0043: readonly string[] = [
  `create index if not exists asked_requests_open on holdfast.asked_requests (asked_at) where answered_at is null`,
];
