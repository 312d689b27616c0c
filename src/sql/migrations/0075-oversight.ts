/** What is summed up of questions and decisions, a row for each day and person, group or tool. */
export const MIGRATION_0075: readonly string[] = [
  `create table if not exists holdfast.oversight_sums (
    subject text not null,
    kind text not null,
    day text not null,
    sums text not null,
    seal text,
    primary key (day, kind, subject)
  )`,
  `create table if not exists holdfast.oversight_cursor (
    id text primary key,
    seq bigint not null,
    seal text
  )`,
];
