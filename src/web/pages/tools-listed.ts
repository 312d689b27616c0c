import { html } from 'hono/html';
import { type ToolList, toolListOf } from '../../domain/tool/list.ts';
import type { Records } from '../../ports.ts';
import { instant } from '../html/instant.ts';
import type { Html } from '../html/shown.ts';
import type { ServerView } from './book.ts';

/** A server's own list of tools, as the log last has it. */
export interface Listed {
  readonly list: ToolList;
  /** The event that says so. */
  readonly n: number;
  readonly at: Date;
}

/** The newest list of each server that ever gave one. */
export async function readLists(
  records: Pick<Records, 'search'>,
  servers: readonly ServerView[],
): Promise<ReadonlyMap<string, Listed>> {
  const found = await Promise.all(
    servers.map(({ name }) => records.search({ types: ['tools.listed'], server: name, limit: 1 })),
  );
  const lists = new Map<string, Listed>();
  for (const [index, { items }] of found.entries()) {
    const [event] = items;
    const list = event === undefined ? null : toolListOf(event.data);
    if (event !== undefined && list !== null) lists.set(servers[index]!.name, { list, n: event.n, at: event.at });
  }
  return lists;
}

/** When the list was seen, and what can be done where it is old or there is none. */
export function listedLine({ name: server, listedAt }: ServerView, listed: Listed | null, mayAsk: boolean): Html {
  const ask = mayAsk
    ? html`<form data-ask-server="${server}" action="/policies" method="get"><button type="submit" class="small">Ask the server
        now<span class="unseen">: ${server}</span></button></form>`
    : '';
  return html`<div class="listed"><p>${listed === null ? NEVER : lastSeen(listed, listedAt)}</p>${ask}</div>`;
}

const NEVER = html`<b>Its tools were never listed through this gateway</b>: here are only those that a rule names or an agent
  called.`;

function lastSeen({ list, n, at }: Listed, listedAt: Date | null): Html {
  const again = listedAt !== null && listedAt > at;
  const since = again ? html`, the same since ${instant(at)}` : '';
  return html`<b>${list.count} tools</b>, as the server last listed them at ${instant(again ? listedAt : at)} UTC${since}
    (<a href="/audit/events/${n}">event ${n}</a>).`;
}
