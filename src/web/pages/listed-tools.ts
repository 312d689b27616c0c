import { html } from 'hono/html';
import { type ToolList, toolListOf } from '../../domain/tool/list.ts';
import type { Records } from '../../ports.ts';
import type { Html } from '../html/html.ts';
import { timestamp, zone } from '../html/time.ts';
import type { ServerView } from './config-view.ts';

/** A server's own list of tools, as the log last recorded it. */
export interface ListedTools {
  readonly list: ToolList;
  /** Number of the event that recorded it. */
  readonly n: number;
  readonly at: Date;
}

/** The newest list of each server that ever gave one, by server. Throws `Unavailable('store')`. */
export async function latestToolLists(
  records: Pick<Records, 'search'>,
  servers: readonly ServerView[],
): Promise<ReadonlyMap<string, ListedTools>> {
  const found = await Promise.all(
    servers.map(({ name }) => records.search({ types: ['tools.listed'], server: name, limit: 1 })),
  );
  const lists = new Map<string, ListedTools>();
  for (const [index, { items }] of found.entries()) {
    const [event] = items;
    const list = event === undefined ? null : toolListOf(event.data);
    if (event !== undefined && list !== null) lists.set(servers[index]!.name, { list, n: event.n, at: event.at });
  }
  return lists;
}

/** When the server's list was last seen, with a button to ask for it where that is possible. */
export function toolListStatus(
  { name: server, listedAt }: ServerView,
  listed: ListedTools | null,
  mayAsk: boolean,
): Html {
  const ask = mayAsk
    ? html`<form data-ask-server="${server}" action="/policies" method="get"><button type="submit" class="small">Ask the server
        now<span class="unseen">: ${server}</span></button></form>`
    : '';
  return html`<div class="listed"><p>${listed === null ? NEVER : lastSeen(listed, listedAt)}</p>${ask}</div>`;
}

const NEVER = html`<b>No agent has listed this server’s tools yet</b>, so only tools that a rule names or an agent has called
  are shown.`;

function lastSeen({ list, n, at }: ListedTools, listedAt: Date | null): Html {
  const again = listedAt !== null && listedAt > at;
  const since = again ? html`, unchanged since ${timestamp(at)}` : '';
  return html`<b>${list.count} tools</b>, as the server last listed them at ${timestamp(again ? listedAt : at)} ${zone()}${since}
    (<a href="/audit/events/${n}">event ${n}</a>).`;
}
