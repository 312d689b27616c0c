/** What each card showed, kept as long as its approval. */
export const MIGRATION_0011: readonly string[] = [
  `create table holdfast.card_contents (
      digest text primary key,
      approval_id text not null references holdfast.approvals (id) on delete cascade,
      content text not null,
      kept_at timestamptz not null
    )`,
  'create index card_contents_approval on holdfast.card_contents (approval_id)',
];
