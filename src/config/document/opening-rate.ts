import type { OPENING_WINDOWS, OpeningRate } from '../../domain/approval/openings.ts';
import type { Key } from './fault.ts';
import { type FaultList, isNow } from './shape.ts';

export const RATE_FORM = 'count/second, /minute or /hour, such as 30/minute, with a count from 1 to 1000000';

/** `30/minute` of a document; null when absent, or, with a fault, when it is no such rate. */
export function openingRate(text: string | undefined, at: readonly Key[], faults: FaultList): OpeningRate | null {
  if (text === undefined) return null;
  const parts = /^([1-9]\d{0,6})\/(second|minute|hour)$/.exec(text);
  const max = Number(parts?.[1]);
  if (parts !== null && max <= 1_000_000) return { max, per: parts[2] as keyof typeof OPENING_WINDOWS };
  faults.add(at, isNow(text), RATE_FORM);
  return null;
}
