/**
 * Addresses of accounts become a sealed set, logins say who their person was when they began, and tokens when their owner
 * signed in last. What was there before says none of it: people sign in again, and make their tokens again.
 */
export const MIGRATION_0062: readonly string[] = [
  'delete from holdfast.logins where id in (select id from holdfast.person_logins)',
  'delete from holdfast.person_emails',
  'delete from holdfast.api_tokens',
  `delete from holdfast.sealed_sets where name = 'api_tokens'`,
  'alter table holdfast.api_tokens add column if not exists vouched_at timestamptz',
];
