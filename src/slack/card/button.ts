import { MOST_SNOOZE_MINUTES } from '../../domain/approval/snooze.ts';
import type { CardPlace } from '../place/card-place.ts';

/** What a button sends back: which approval, and which exact call its card showed. */
export interface ButtonValue {
  readonly approval: string;
  /** 32 hex characters (128 bits) of the fingerprint. */
  readonly fingerprint: string;
}

/**
 * The actions that Slack reports to us, by `action_id`. `review` is the Approve button of a card that could not show
 * everything; it opens the full view (P10).
 */
export const CARD_ACTIONS = [
  'approve',
  'review',
  'deny',
  'counter',
  'allow',
  'revoke_allowance',
  'take_back',
  'snooze',
  'details',
  'open_console',
  'sign',
  'approve_these',
  'deny_these',
  'next_page',
  'previous_page',
] as const;
export type CardAction = (typeof CARD_ACTIONS)[number];

/** The modals in which several calls are decided together, by `callback_id`. */
export const BATCH_VIEWS = ['approve_these_view', 'deny_these_view'] as const;
export type BatchView = (typeof BATCH_VIEWS)[number];

/** The modals whose submission is a decision about one call, by `callback_id`. */
export const DECISION_VIEWS = ['approve_view', 'allow_view', 'deny_view', 'counter_view', 'take_back_view'] as const;
export type DecisionView = (typeof DECISION_VIEWS)[number];

/** Hex characters of the fingerprint in a button. */
const PREFIX = 32;

export function buttonValue(approval: { readonly id: string; readonly fingerprint: string }): string {
  return `${approval.id}:${approval.fingerprint.slice(0, PREFIX)}`;
}

/** Reads a button's value; null for anything else. */
export function readButtonValue(value: string): ButtonValue | null {
  const parts = /^([A-Za-z0-9_-]{1,64}):([0-9a-f]{32})$/.exec(value);
  return parts ? { approval: parts[1]!, fingerprint: parts[2]! } : null;
}

/** A choice of the menu by which a person puts a question aside for themselves. */
export function snoozeValue(approval: { readonly id: string; readonly fingerprint: string }, minutes: number): string {
  return `${buttonValue(approval)}:${minutes}`;
}

/** Reads such a choice; null for anything else. */
export function readSnoozeValue(value: string): { readonly value: ButtonValue; readonly minutes: number } | null {
  const parts = /^(.{1,100}):(\d{1,4})$/.exec(value);
  const read = parts === null ? null : readButtonValue(parts[1]!);
  const minutes = Number(parts?.[2]);
  return read === null || minutes < 1 || minutes > MOST_SNOOZE_MINUTES ? null : { value: read, minutes };
}

/** What a modal keeps in `private_metadata`: the button's value, the page, and the card it was opened from. */
export interface ViewMemory extends ButtonValue, CardPlace {
  /** From 0. */
  readonly page: number;
}

export function viewMemory(memory: ViewMemory): string {
  return JSON.stringify([memory.approval, memory.fingerprint, memory.page, memory.channel, memory.ts]);
}

export function readViewMemory(text: string): ViewMemory | null {
  let parts: unknown;
  try {
    parts = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(parts) || parts.length !== 5) return null;
  const [approval, fingerprint, page, channel, ts] = parts as unknown[];
  const value = readButtonValue(`${String(approval)}:${String(fingerprint)}`);
  if (value === null || typeof channel !== 'string' || typeof ts !== 'string') return null;
  if (typeof page !== 'number' || !Number.isInteger(page) || page < 0) return null;
  return { ...value, page, channel, ts };
}
