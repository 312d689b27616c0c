import type { JsonObject } from '../json/json.ts';
import { member } from '../json/json.ts';

/** What a person was looking at when they decided, as far as a door can tell. */
export interface SeenCard {
  /** `card`: the card itself. `full_view`, `deny_form`: a window that a button of the card opened. `batch_view`: one that showed several calls. */
  readonly surface: 'card' | 'full_view' | 'deny_form' | 'allow_form' | 'batch_view';
  /** The revision of the card whose button was clicked, or that the window showed; null where the door cannot tell. */
  readonly revision: number | null;
}

const SHA256 = /^[0-9a-f]{64}$/;

/** The SHA-256 of what a card showed, taken from the card's digest; null: the digest holds none. */
export function contentDigest(digest: unknown): string | null {
  if (typeof digest !== 'string') return null;
  const last = digest.slice(digest.lastIndexOf('.') + 1);
  return SHA256.test(last) ? last : null;
}

/** The SHA-256 of what the card in this event showed; null: the event is not about a card, or names no digest. */
export function cardShown(event: { readonly type: string; readonly data: JsonObject }): string | null {
  if (event.type !== 'card.posted' && event.type !== 'card.updated') return null;
  return contentDigest(member(event.data, 'digest'));
}

const OF_CARDS = /"type":"card\.(?:posted|updated)"\}$/;

/** The same, from an event's canonical text. */
export function cardNamed(text: string): string | null {
  return OF_CARDS.test(text.slice(-40)) ? cardShown(JSON.parse(text) as { type: string; data: JsonObject }) : null;
}
