/** The texts of policies that were in force, by their digest: what an auditor reads beside a decision. */
export const MIGRATION_0061: readonly string[] = [
  `create table if not exists holdfast.policy_texts (
    digest text primary key,
    body text not null,
    at timestamptz not null default now()
  )`,
];
