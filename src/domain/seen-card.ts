import type { JsonObject } from './json.ts';
import { member } from './json.ts';

/** What a person had before them when they decided, as far as a door can tell. */
export interface Saw {
  /** `card`: a button of the card itself. `full_view`, `deny_form`: windows that a button of the card opened. */
  readonly surface: 'card' | 'full_view' | 'deny_form';
  /** The card's revision whose button was clicked; null where the door is not told. */
  readonly revision: number | null;
}

const SHA256 = /^[0-9a-f]{64}$/;

/** Of a card's digest, the SHA-256 of what it showed; null: it holds none. */
export function contentDigest(digest: unknown): string | null {
  if (typeof digest !== 'string') return null;
  const last = digest.slice(digest.lastIndexOf('.') + 1);
  return SHA256.test(last) ? last : null;
}

/** The SHA-256 of what the card of this event showed; null: the event is of no card, or names none. */
export function cardShown(event: { readonly type: string; readonly data: JsonObject }): string | null {
  if (event.type !== 'card.posted' && event.type !== 'card.updated') return null;
  return contentDigest(member(event.data, 'digest'));
}

const OF_CARDS = /"type":"card\.(?:posted|updated)"\}$/;

/** The same of an event's canonical text. */
export function cardNamed(text: string): string | null {
  return OF_CARDS.test(text.slice(-40)) ? cardShown(JSON.parse(text) as { type: string; data: JsonObject }) : null;
}
