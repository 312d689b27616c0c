import { html } from 'hono/html';
import { contentDigest } from '../../domain/approval/seen-card.ts';
import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import type { ProvenEvent } from '../../ports.ts';
import { clockTime } from '../html/instant.ts';
import { type Html, name, shown } from '../html/shown.ts';
import { values } from '../html/values.ts';
import { actorName, eventBadge } from '../html/wording.ts';
import { asSeen, type ShownCards } from './shown-cards.ts';
import type { Vouched } from './vouch.ts';

/** A timeline. Above it, what the chain says of these very events; each was computed again for this page. */
export function storyOf(story: readonly ProvenEvent[], chain: Vouched, cards: ShownCards): Html {
  return html`${chainLine(story, chain)}
    <ol class="story" data-key="story" data-rev="${story.length}.${story.filter((event) => event.fits !== null).length}">${story.map((event) => storyStep(event, story, cards))}</ol>`;
}

function chainLine(story: readonly ProvenEvent[], chain: Vouched): Html {
  const broken = story.filter((event) => event.fits === false);
  const open = story.filter((event) => event.fits === null).length;
  const last = Math.max(0, ...story.map((event) => event.seq ?? 0));
  const covered = chain.checkpoint !== null && chain.vouched === true && chain.checkpoint.seq >= last && open === 0;
  const rev = `${story.length}.${open}.${broken.length}.${covered ? 1 : 0}`;
  if (chain.vouched === false) return misvouched(chain, rev);
  if (broken.length > 0) {
    return html`<p class="chain bad" data-key="chain" data-rev="${rev}"><b>The chain does not hold</b> at #${broken.map((event) => event.seq).join(', #')}. Run <code>holdfast audit verify</code>.</p>`;
  }
  const words =
    open === 0
      ? html`<b>The chain holds</b>: all ${story.length} events fit what came before them`
      : html`<b>Sealing</b>: ${story.length - open} of ${story.length} events are in the chain and fit`;
  return html`<p class="chain ${open === 0 ? 'good' : ''}" data-key="chain" data-rev="${rev}">${words}${covered ? html`, under the signed checkpoint #${chain.checkpoint!.seq}` : ''}.</p>`;
}

function misvouched(chain: Vouched, rev: string): Html {
  return html`<p class="chain bad" data-key="chain" data-rev="bad.${rev}"><b>The log is not what checkpoint #${chain.checkpoint?.seq} signed.</b> Run <code>holdfast audit verify</code>.</p>`;
}

function storyStep(event: ProvenEvent, story: readonly ProvenEvent[], cards: ShownCards): Html {
  return html`<li>
    <span class="when">${clockTime(event.at)}</span>
    <div>
      <p>${eventBadge(event)} <span class="dim">by ${actorName(event.actor)}</span></p>
      ${gist(event)}
      ${asSeen(event, story, cards)}
      <details><summary>Event ${event.n}, ${place(event)}</summary>
        ${values(event.data, `Data of event ${event.n}`)}
        <p><a href="/audit/events/${event.n}">Event ${event.n} alone</a>${event.hash === null ? '' : html`, hash <code class="hash">${event.hash}</code>`}</p>
      </details>
    </div>
  </li>`;
}

export function place(event: ProvenEvent): Html {
  if (event.fits === null) return html`not sealed yet`;
  return event.fits ? html`chain #${event.seq}, fits` : html`chain #${event.seq}, <b class="misfit">does not fit</b>`;
}

/** The one line of an event's data that a person wants without opening it. */
function gist(event: ProvenEvent): Html {
  const lines = GISTS.flatMap(([key, words, only]) => {
    const value = only === undefined || event.type.startsWith(only) ? member(event.data, key) : null;
    return value === undefined || value === null || value === ''
      ? []
      : [html`<span>${words} ${said(key, value)}</span>`];
  });
  return lines.length === 0 ? html`` : html`<p class="gist">${lines}</p>`;
}

/** Member, words before it, and the kind of event in which it means that. */
const GISTS: readonly (readonly [string, string, string?])[] = [
  ['reason', 'reason:'],
  ['note', 'because'],
  ['why', 'because'],
  ['via', 'via'],
  ['digest', 'card digest', 'card.'],
  ['bytes', 'result of', 'call.'],
  ['digest', 'result digest', 'call.'],
  ['rule', 'rule'],
];

function said(key: string, value: Json): Html {
  if (key === 'bytes') return html`${String(value)} bytes`;
  if (key === 'digest') return html`<code class="hash">${(contentDigest(value) ?? String(value)).slice(0, 16)}</code>`;
  if (typeof value === 'string') return key === 'rule' ? name(value) : html`<q>${shown(value)}</q>`;
  return isObject(value) || Array.isArray(value) ? name(JSON.stringify(value as JsonObject)) : html`${String(value)}`;
}
