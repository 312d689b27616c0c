import { AMOUNT_DECIMALS } from '../json/decimal.ts';
import type { LimitRule } from '../policy/limit.ts';

const SECONDS = { second: 1, minute: 60, hour: 3_600, day: 86_400 } as const;
/** The epoch was a Thursday; weeks begin on Monday. */
const WEEK_FROM = 4 * SECONDS.day;
const WEEK = 7 * SECONDS.day;

/** When the window began that this instant lies in, in seconds since the epoch, as SQL reckons it. */
export function windowStart(window: LimitRule['window'], at: Date): number {
  const seconds = Math.floor(at.getTime() / 1_000);
  if ('seconds' in window) return seconds - (seconds % window.seconds);
  switch (window.calendar) {
    case 'week':
      return Math.floor((seconds - WEEK_FROM) / WEEK) * WEEK + WEEK_FROM;
    case 'month':
      return Date.UTC(at.getUTCFullYear(), at.getUTCMonth()) / 1_000;
    default:
      return seconds - (seconds % SECONDS[window.calendar]);
  }
}

/** An amount as a whole number of its smallest part, so that sums are exact. */
export function scaled(amount: string): bigint {
  const [whole = '0', fraction = ''] = amount.split('.');
  return BigInt(whole + fraction.slice(0, AMOUNT_DECIMALS).padEnd(AMOUNT_DECIMALS, '0'));
}

/** The same back as a decimal. */
export function unscaled(amount: bigint): string {
  const digits = amount.toString().padStart(AMOUNT_DECIMALS + 1, '0');
  const fraction = digits.slice(-AMOUNT_DECIMALS).replace(/0+$/, '');
  return digits.slice(0, -AMOUNT_DECIMALS) + (fraction === '' ? '' : `.${fraction}`);
}
