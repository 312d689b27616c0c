import { personOf } from '../../domain/approval/current.ts';
import type { Snooze } from '../../domain/approval/snooze.ts';
import type { PendingFilter } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';

/** What this person has put aside, by any of their ways. */
export function snoozedBy(
  { clock, rules, snoozes }: Pick<Gateway, 'clock' | 'rules' | 'snoozes'>,
  id: string,
): Promise<readonly Snooze[]> {
  return snoozes.of(personOf(rules.persons(), id), clock.now());
}

/**
 * The filter of a person's own inbox, wherever it is shown: without what they put aside, and what that is. Only what one
 * person sees is filtered by it, never what is counted for others.
 */
export async function withoutSnoozed(
  gateway: Pick<Gateway, 'clock' | 'rules' | 'snoozes'>,
  id: string,
  filter: PendingFilter,
): Promise<{ readonly filter: PendingFilter; readonly snoozed: readonly Snooze[] }> {
  const snoozed = await snoozedBy(gateway, id);
  if (snoozed.length === 0) return { filter, snoozed };
  return { filter: { ...filter, without: snoozed.map(({ approval }) => approval) }, snoozed };
}
