import { html } from 'hono/html';
import { cardShown, contentDigest } from '../../domain/approval/seen-card.ts';
import { isObject, member } from '../../domain/json/json.ts';
import type { ProvenEvent } from '../../ports.ts';
import { type Html, shown } from '../html/shown.ts';
import { blocksIn, cardFace } from './card-face.ts';

/** What cards showed, and how to tell whether it is what was logged. */
export interface ShownCards {
  readonly contents: ReadonlyMap<string, string>;
  sha256(text: string): string;
}

/** Cards that one page draws; each may be as long as Slack lets it be. */
const MOST = 40;

/** The cards that a page about these events needs, the newest when there are too many. */
export function cardsNamed(events: readonly ProvenEvent[]): string[] {
  const named = events.flatMap((event) => cardShown(event) ?? contentDigest(cardAt(event)) ?? []);
  return [...new Set(named)].slice(-MOST);
}

/** The card of this event as people saw it, or what a decision was made on, to unfold; empty for any other event. */
export function asSeen(event: ProvenEvent, story: readonly ProvenEvent[], cards: ShownCards): Html {
  const seen = seenAt(event, story, cards);
  return seen === null ? html`` : html`<details class="seen"><summary>${seen.words}</summary>${seen.inside}</details>`;
}

/** The same as a part of the event's own page. */
export function asSeenAlone(event: ProvenEvent, story: readonly ProvenEvent[], cards: ShownCards): Html {
  const seen = seenAt(event, story, cards);
  return seen === null
    ? html``
    : html`<section aria-labelledby="seen-head"><h2 id="seen-head">${seen.words}</h2>${seen.inside}</section>`;
}

function seenAt(event: ProvenEvent, story: readonly ProvenEvent[], cards: ShownCards) {
  const own = cardShown(event);
  if (own !== null) return { words: 'Card as seen', inside: drawn(own, event, cards) };
  if (event.type !== 'approval.decided') return null;
  return { words: 'What the approver saw', inside: surfaceOf(event, story, cards) };
}

/** The card, and whether what is kept of it is what the event in the chain names. */
function drawn(digest: string, event: ProvenEvent, cards: ShownCards): Html {
  const content = cards.contents.get(digest);
  if (content === undefined) {
    return html`<p class="notice">What this card showed is not on this page: it was not kept, or there are too many cards here.
      Its digest is <code class="hash">${digest}</code>.</p>`;
  }
  const fits = cards.sha256(content) === digest;
  const blocks = fits || content.length < 300_000 ? blocksIn(content) : null;
  const face =
    blocks === null ? html`<p class="notice">It cannot be drawn: it is no list of blocks.</p>` : cardFace(blocks);
  return html`${fits ? whatWasLogged(digest, event) : notLogged(digest, event)}${face}`;
}

function whatWasLogged(digest: string, event: ProvenEvent): Html {
  const place =
    event.fits === null
      ? 'not in the chain yet'
      : event.fits
        ? 'which fits the chain'
        : 'which itself does not fit the chain';
  return html`<p class="chain ${event.fits === false ? 'bad' : 'good'}"><b>What you see is what was logged</b>: the SHA-256 of this card, made
    again for this page, is the one in event ${event.n}, ${place}. <code class="hash">${digest.slice(0, 16)}</code></p>`;
}

function notLogged(digest: string, event: ProvenEvent): Html {
  return html`<p class="chain bad"><b>This is not what was logged.</b> What is kept of the card was changed: its SHA-256 is not
    <code class="hash">${digest.slice(0, 16)}</code>, which event ${event.n} names.</p>`;
}

/** Where a decision came from and what stood there. */
function surfaceOf(event: ProvenEvent, story: readonly ProvenEvent[], cards: ShownCards): Html {
  switch (member(event.data, 'via')) {
    case 'slack':
      return inSlack(event, story, cards);
    case 'console':
      return html`<p>Spoken in the console, on the inbox or this approval's page, which shows the call and its arguments as they stand
        here under <b>The call</b>. No card was before them.</p>`;
    case 'api':
      return html`<p>Spoken through the API or <code>holdfast approvals</code>, with the admin token. No card was before them; what their
        program showed is not known here.</p>`;
    default:
      return html`<p>It is not known where this was spoken.</p>`;
  }
}

const SURFACES = {
  card: html`Clicked on the card itself`,
  full_view: html`Spoken in the full view that the card opens: every argument, as it stands here under <b>The call</b>; opened from the card`,
  deny_form: html`Spoken in the window that asks for a reason; opened from the card`,
};

function inSlack(event: ProvenEvent, story: readonly ProvenEvent[], cards: ShownCards): Html {
  const saw = member(event.data, 'saw');
  const surface = member(saw, 'surface');
  const words =
    typeof surface === 'string' && Object.hasOwn(SURFACES, surface)
      ? SURFACES[surface as keyof typeof SURFACES]
      : html`Spoken in Slack`;
  const revision = member(saw, 'revision');
  const card = (typeof revision === 'number' ? ofRevision(story, revision) : null) ?? newestBefore(story, event);
  if (card === null) return html`<p>${words}. No event says what the card showed then.</p>`;
  const exact = typeof revision === 'number' && member(card.data, 'revision') === revision;
  return html`<p>${words}, ${exact ? 'as it was at' : 'whose newest logged state was'} revision ${numberOf(card, 'revision')}
      (<a href="/audit/events/${card.n}">event ${card.n}</a>).</p>
    ${drawn(cardShown(card)!, card, cards)}`;
}

function ofRevision(story: readonly ProvenEvent[], revision: number): ProvenEvent | null {
  return story.find((one) => cardShown(one) !== null && member(one.data, 'revision') === revision) ?? null;
}

function newestBefore(story: readonly ProvenEvent[], event: ProvenEvent): ProvenEvent | null {
  return story.findLast((one) => cardShown(one) !== null && one.n < event.n) ?? null;
}

function numberOf(event: ProvenEvent, name: string): Html {
  return shown(String(member(event.data, name) ?? '?'));
}

/** The digest of the card that a decision's event names. */
function cardAt(event: ProvenEvent): unknown {
  const card = member(event.data, 'card');
  return isObject(card) ? member(card, 'digest') : null;
}
