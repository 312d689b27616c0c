/**
 * Two indexes over what events' texts say, because their columns can be changed without breaking a seal. By the first the
 * events about an approval are found, however their columns are changed; by the second a copy of an event, whose seal is a
 * true one. Plainly allowed calls, of which there are thousands a second, are in neither.
 */
export const MIGRATION_0035: readonly string[] = [
  `create index if not exists events_about on holdfast.events
    (split_part(substr(body, strpos(body, ',"approval":"ap_') + 13, 64), '"', 1), n)
    where strpos(body, ',"approval":"ap_') > 0`,
  `create index if not exists events_text on holdfast.events (hashtextextended(body, 0))
    where body not like '%"type":"call.allowed"}'`,
];
