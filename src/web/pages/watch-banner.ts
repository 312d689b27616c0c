import { html } from 'hono/html';
import { isWatchedLong, WATCHED_LONG_DAYS, watchingName } from '../../domain/policy/watching.ts';
import type { WatchedSince } from '../../gateway/state/watch-board.ts';
import type { Html } from '../html/html.ts';
import { timeAgo } from '../html/time.ts';
import { visibleName } from '../html/visible-text.ts';

/** How many are named one by one. */
const MOST_NAMED = 5;

/** What is only watched, on top of every page. Nothing when everything is enforced. */
export function watchBanner(watching: readonly WatchedSince[], now: Date): Html {
  if (watching.length === 0) return html``;
  const more = watching.length - MOST_NAMED;
  const lines = watching.slice(0, MOST_NAMED).map((one) => html`<li>${lineOf(one, now)}</li>`);
  return html`<section class="watch-banner" aria-label="What is only watched">
    <p><b>Only watched: verdicts and limits are recorded and not enforced.</b> <a href="/audit?verdict=would+deny">What would be denied</a>,
      <a href="/audit?verdict=would+ask">what people would be asked about</a></p>
    <ul>${lines}${more > 0 ? html`<li>and ${more} more</li>` : ''}</ul>
  </section>`;
}

function lineOf(one: WatchedSince, now: Date): Html {
  const what = one.rule === null ? html`The server` : html`The rule`;
  const name = html`<b>${visibleName(watchingName(one))}</b>`;
  if (one.since === null) return html`${what} ${name}`;
  const long = isWatchedLong(one.since, now) ? html`: for more than ${WATCHED_LONG_DAYS} days` : html``;
  return html`${what} ${name}, since ${timeAgo(one.since, now)}${long}`;
}
