/** Console logins, revoked grant tokens, and the indexes that the console counts by. */
export const MIGRATION_0002: readonly string[] = [
  `create table holdfast.logins (
      id text primary key,
      reviewer text not null,
      credential text not null,
      at timestamptz not null,
      seen_at timestamptz not null,
      ends_at timestamptz not null
    )`,
  'create index logins_end on holdfast.logins (ends_at)',
  // By the digest of the token: another token under the same grant name stays good.
  `create table holdfast.revocations (
      token_sha256 text primary key,
      grant_name text not null,
      at timestamptz not null,
      actor text not null,
      reason text
    )`,
  'create index approvals_created on holdfast.approvals (created_at)',
  'create index decisions_at on holdfast.decisions (at)',
];
