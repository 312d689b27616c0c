/**
 * An approval shows everything that is forwarded of its call: `sent` holds what goes along besides the arguments, and
 * `hidden` counts the values that are not shown. `answers_to` names the approval whose server asked, where the call
 * answers a server's question.
 */
export const MIGRATION_0019: readonly string[] = [
  `alter table holdfast.approvals
    add column if not exists sent json not null default '{"params":{},"meta":{},"headers":{}}',
    add column if not exists hidden json not null default '{"byPolicy":0,"byName":0}',
    add column if not exists answers_to text`,
];
