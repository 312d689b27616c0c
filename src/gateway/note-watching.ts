import { type LoggedEvent, type NewEvent, NO_SUBJECT } from '../domain/log/event.ts';
import { type Watching, watchingName } from '../domain/policy/watching.ts';
import type { Records } from '../ports.ts';
import type { Gateway } from './gateway.ts';
import type { WatchedSince } from './state/watch-board.ts';

/** Events that are read back at most; what was switched more often since began again with the oldest of them. */
const MOST_READ = 2_000;
const PAGE = 200;

type Needs = Pick<Gateway, 'clock' | 'journal' | 'log' | 'retries' | 'watchBoard'>;

/**
 * Puts on the board what is only watched from now on, since when by the log, and writes an event for each server and rule
 * that begins or ends to be watched: `watch.began`, `watch.ended`. Since when is in the log only, where nobody can change
 * it unnoticed, and so it survives every restart. Two replicas that begin at once write the event twice; the first counts.
 */
export function noteWatching(gateway: Needs, records: Pick<Records, 'search'>, watching: readonly Watching[]): void {
  const { watchBoard, log, retries } = gateway;
  const known = new Map(watchBoard.list.map((one) => [watchingName(one), one.since]));
  const listed = watching.map((one): WatchedSince => ({ ...one, since: known.get(watchingName(one)) ?? null }));
  watchBoard.put(listed);
  for (const one of watching) {
    log.warn(
      { server: one.server, rule: one.rule },
      `${watchingName(one)} is only watched: its verdicts and limits are not enforced`,
    );
  }
  // What a later reload has put there is not overwritten.
  void retries.run(async () => {
    const began = await beganIn(records);
    if (watchBoard.list === listed) settle(gateway, listed, began);
  });
}

function settle(
  { clock, journal, watchBoard }: Needs,
  listed: readonly WatchedSince[],
  began: Map<string, LoggedEvent>,
) {
  const at = clock.now();
  const names = new Set(listed.map(watchingName));
  for (const [name, event] of began) {
    if (names.has(name)) continue;
    const since = event.at.toISOString();
    journal.note(watchEvent('watch.ended', at, { server: event.server ?? '', rule: ruleOf(event) }, { since }));
  }
  const settled = listed.map((one) => {
    const event = began.get(watchingName(one));
    if (event === undefined) journal.note(watchEvent('watch.began', at, one));
    return { ...one, since: event?.at ?? at };
  });
  watchBoard.put(settled);
}

function watchEvent(
  type: 'watch.began' | 'watch.ended',
  at: Date,
  { server, rule }: Watching,
  more: { readonly since?: string } = {},
): NewEvent {
  return { ...NO_SUBJECT, type, at, actor: 'holdfast', server, data: { rule, ...more } };
}

/** By name, the event with which each began that has not ended. */
async function beganIn(records: Pick<Records, 'search'>): Promise<Map<string, LoggedEvent>> {
  const found: LoggedEvent[] = [];
  for (let before: number | undefined; found.length < MOST_READ; ) {
    const types = ['watch.began', 'watch.ended'] as const;
    const { items } = await records.search({ types, limit: PAGE, ...(before === undefined ? {} : { before }) });
    found.push(...items);
    if (items.length < PAGE) break;
    before = items.at(-1)!.n;
  }
  const began = new Map<string, LoggedEvent>();
  // What nobody of us wrote neither begins nor ends anything.
  for (const event of found.reverse()) {
    if (event.doubt === 'body') continue;
    const name = watchingName({ server: event.server ?? '', rule: ruleOf(event) });
    if (event.type === 'watch.ended') began.delete(name);
    else if (!began.has(name)) began.set(name, event);
  }
  return began;
}

function ruleOf({ data }: LoggedEvent): string | null {
  return typeof data.rule === 'string' ? data.rule : null;
}
