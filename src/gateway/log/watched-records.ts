import type { Records } from '../../ports.ts';
import { type ForeignParts, watchedEvents } from './seal-watch.ts';

/** The same records; an event among them that no gateway wrote as it is raises the alarm, whoever looks at it. */
export function watchedRecords(records: Records, parts: ForeignParts): Records {
  return {
    ...records,
    search: async (filter) => {
      const page = await records.search(filter);
      return { ...page, items: watchedEvents(parts, page.items) };
    },
    since: async (seq, limit) => watchedEvents(parts, await records.since(seq, limit)),
    event: async (n) => {
      const event = await records.event(n);
      if (event !== null) watchedEvents(parts, [event]);
      return event;
    },
    story: async (approval) => watchedEvents(parts, await records.story(approval)),
  };
}
