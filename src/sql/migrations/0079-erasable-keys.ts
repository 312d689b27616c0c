/**
 * The keys under which the log tells of calls, one for each approval, wrapped; where one was destroyed, who did it, sealed.
 * `secret` names the secret by which either was made.
 */
export const MIGRATION_0079: readonly string[] = [
  `create table if not exists holdfast.erasable_keys (
    approval_id text primary key,
    key bytea,
    erased text,
    secret text not null,
    check ((key is null) <> (erased is null))
  )`,
  'create index if not exists erasable_keys_by_secret on holdfast.erasable_keys (secret)',
];
