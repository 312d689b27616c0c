import { counted } from '../../text/plural.ts';
import type { Approval } from './approval.ts';

/** A person put a question aside for themselves; nothing changes for anybody else. */
export interface Snooze {
  readonly approval: string;
  /** The person's name under `people`, else the id under which they decide. */
  readonly person: string;
  /** The Slack id at which they are told when it is over; null: nowhere, it only comes back. */
  readonly slack: string | null;
  readonly at: Date;
  readonly until: Date;
}

/** Minutes that are offered. */
const SNOOZE_MINUTES = [5, 15, 30, 60, 180] as const;
/** The most minutes, and the most questions that one person may have put aside at a time. */
export const MOST_SNOOZE_MINUTES = 24 * 60;
export const MOST_SNOOZES = 50;
/** What is left at least of the time to decide when it comes back, in ms. */
const LEAST_LEFT_MS = 60_000;

/** Until when a question can be put aside for so many minutes; null: it would expire before it comes back, or soon after. */
export function snoozeUntil({ expiresAt }: Pick<Approval, 'expiresAt'>, minutes: number, now: Date): Date | null {
  const until = new Date(now.getTime() + minutes * 60_000);
  return expiresAt.getTime() - until.getTime() < LEAST_LEFT_MS ? null : until;
}

/** `5 minutes`, `3 hours`. */
export function snoozeWords(minutes: number): string {
  return minutes % 60 === 0 ? counted(minutes / 60, 'hour') : counted(minutes, 'minute');
}

/** The minutes that can be offered at this time; none for a question that expires soon. */
export function snoozeMinutes(approval: Pick<Approval, 'expiresAt'>, now: Date): readonly number[] {
  return SNOOZE_MINUTES.filter((minutes) => snoozeUntil(approval, minutes, now) !== null);
}
