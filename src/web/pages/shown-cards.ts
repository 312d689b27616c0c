import { html } from 'hono/html';
import { cardShown, contentDigest } from '../../domain/approval/seen-card.ts';
import { isObject, member } from '../../domain/json/json.ts';
import type { ProvenEvent } from '../../ports.ts';
import type { Html } from '../html/html.ts';
import { visibleText } from '../html/visible-text.ts';
import { cardFace, parseBlocks } from './card-face.ts';

/** What cards showed, and the hash function that tells whether it is what was logged. */
export interface ShownCards {
  /** By SHA-256, which events name; without an entry it was not kept. */
  readonly contents: ReadonlyMap<string, string>;
  sha256(text: string): string;
}

/** Cards drawn on one page. Each can be as long as Slack allows. */
const MAX_CARDS = 40;

/** The digests of the cards that a page about these events needs; the newest ones when there are too many. */
export function cardDigests(events: readonly ProvenEvent[]): string[] {
  const digests = events.flatMap((event) => cardShown(event) ?? contentDigest(digestInDecision(event)) ?? []);
  return [...new Set(digests)].slice(-MAX_CARDS);
}

/** To unfold: the card of this event as people saw it, or for a decision what the approver saw. Empty for other events. */
export function cardAsSeen(event: ProvenEvent, story: readonly ProvenEvent[], cards: ShownCards): Html {
  const seen = seenAt(event, story, cards);
  return seen === null
    ? html``
    : html`<details class="seen"><summary>${seen.heading}</summary>${seen.content}</details>`;
}

/** The same as a section of the event's own page. */
export function cardAsSeenSection(event: ProvenEvent, story: readonly ProvenEvent[], cards: ShownCards): Html {
  const seen = seenAt(event, story, cards);
  return seen === null
    ? html``
    : html`<section aria-labelledby="seen-head"><h2 id="seen-head">${seen.heading}</h2>${seen.content}</section>`;
}

function seenAt(event: ProvenEvent, story: readonly ProvenEvent[], cards: ShownCards) {
  const own = cardShown(event);
  if (own !== null) return { heading: 'Card as seen', content: drawnCard(own, event, cards) };
  if (event.type !== 'approval.decided' && event.type !== 'approval.changed') return null;
  return { heading: 'What the approver saw', content: approverView(event, story, cards) };
}

/** The card, and whether the stored content is what the event in the chain names. */
function drawnCard(digest: string, event: ProvenEvent, cards: ShownCards): Html {
  const content = cards.contents.get(digest);
  if (content === undefined) {
    return html`<p class="notice">What this card showed is not on this page: it was not kept, or this page has too many cards.
      Its digest is <code class="hash">${digest}</code>.</p>`;
  }
  const matches = cards.sha256(content) === digest;
  const blocks = matches || content.length < 300_000 ? parseBlocks(content) : null;
  const face =
    blocks === null
      ? html`<p class="notice">It cannot be drawn, because it is not a list of blocks.</p>`
      : cardFace(blocks);
  return html`${matches ? whatWasLogged(digest, event) : notLogged(digest, event)}${face}`;
}

function whatWasLogged(digest: string, event: ProvenEvent): Html {
  const chainFit =
    event.fits === null
      ? 'not in the chain yet'
      : event.fits
        ? 'which fits the chain'
        : 'which itself does not fit the chain';
  return html`<p class="chain ${event.fits === false ? 'bad' : 'good'}"><b>This matches what was logged</b>: the SHA-256 of this card, computed
    again for this page, is the one in event ${event.n}, ${chainFit}. <code class="hash">${digest.slice(0, 16)}</code></p>`;
}

function notLogged(digest: string, event: ProvenEvent): Html {
  return html`<p class="chain bad"><b>This is not what was logged.</b> The stored card was changed: its SHA-256 is not
    <code class="hash">${digest.slice(0, 16)}</code>, which event ${event.n} names.</p>`;
}

/** Where a decision was made, and what was shown there. */
function approverView(event: ProvenEvent, story: readonly ProvenEvent[], cards: ShownCards): Html {
  switch (member(event.data, 'via')) {
    case 'slack':
      return inSlack(event, story, cards);
    case 'console':
      return html`<p>Decided in the console, in the inbox or on this approval's page, which show the call and its arguments as they are
        here under <b>The call</b>. No card was shown.</p>`;
    case 'api':
      return html`<p>Decided through the API or <code>holdfast approvals</code>, with the admin token. No card was shown; what the
        program that was used showed is not known here.</p>`;
    default:
      return html`<p>It is not known where this was decided.</p>`;
  }
}

const SURFACES = {
  card: html`Clicked on the card itself`,
  full_view: html`Decided in the full view, which shows every argument as it is here under <b>The call</b>; opened from the card`,
  deny_form: html`Decided in the window that asks for a reason; opened from the card`,
  batch_view: html`Decided together with others, in the window that shows each of them in full; opened from the message that lists them`,
};

function inSlack(event: ProvenEvent, story: readonly ProvenEvent[], cards: ShownCards): Html {
  const saw = member(event.data, 'saw');
  const surface = member(saw, 'surface');
  const where =
    typeof surface === 'string' && Object.hasOwn(SURFACES, surface)
      ? SURFACES[surface as keyof typeof SURFACES]
      : html`Decided in Slack`;
  const revision = member(saw, 'revision');
  const card =
    (typeof revision === 'number' ? cardAtRevision(story, revision) : null) ?? newestCardBefore(story, event);
  if (card === null) return html`<p>${where}. No event says what the card showed then.</p>`;
  const exact = typeof revision === 'number' && member(card.data, 'revision') === revision;
  return html`<p>${where}, ${exact ? 'as it was at' : 'whose newest logged state was'} revision ${numberOf(card, 'revision')}
      (<a href="/audit/events/${card.n}">event ${card.n}</a>).</p>
    ${drawnCard(cardShown(card)!, card, cards)}`;
}

function cardAtRevision(story: readonly ProvenEvent[], revision: number): ProvenEvent | null {
  return story.find((event) => isShowing(event) && member(event.data, 'revision') === revision) ?? null;
}

function newestCardBefore(story: readonly ProvenEvent[], event: ProvenEvent): ProvenEvent | null {
  return story.findLast((earlier) => isShowing(earlier) && earlier.n < event.n) ?? null;
}

/** What no gateway wrote says nothing of what was seen. */
function isShowing(event: ProvenEvent): boolean {
  return cardShown(event) !== null && event.doubt === undefined;
}

function numberOf(event: ProvenEvent, name: string): Html {
  return visibleText(String(member(event.data, name) ?? '?'));
}

/** The digest of the card that a decision's event names. */
function digestInDecision(event: ProvenEvent): unknown {
  const card = member(event.data, 'card');
  return isObject(card) ? member(card, 'digest') : null;
}
