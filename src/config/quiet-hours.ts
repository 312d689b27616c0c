import { z } from 'zod';
import { isZone, type QuietHours } from '../domain/policy/quiet.ts';
import type { Key } from './document/fault.ts';
import { type FaultList, isNow } from './document/shape.ts';

const CLOCK_FORM = 'a time of the day such as "22:00", in quotes';
const clock = z.string({ error: CLOCK_FORM }).regex(/^([01]\d|2[0-3]):[0-5]\d$/, { error: CLOCK_FORM });
const ZONE_FORM = 'a time zone such as Europe/Berlin';
/** How they are written. */
export const QUIET_FORM = '{ from: "22:00", to: "07:00", zone: Europe/Berlin, to_group: oncall }';
const QUIET_CHANNEL_FORM = 'a channel id such as C0ONCALL';

export const QuietShape = z.strictObject(
  {
    from: clock.describe('When it begins, on the clocks of the zone.'),
    to: clock.describe('When it is over. An earlier time is that of the next day.'),
    zone: z.string({ error: ZONE_FORM }).max(100, { error: ZONE_FORM }).describe('Such as Europe/Berlin.'),
    to_group: z.string({ error: 'the name of a group under approvers' }).min(1).describe('The group that is asked.'),
    channel: z
      .string({ error: QUIET_CHANNEL_FORM })
      .regex(/^[CG][A-Z0-9]{2,20}$/, { error: QUIET_CHANNEL_FORM })
      .optional()
      .describe('The Slack channel that cards go to meanwhile; the same as by day when absent.'),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? QUIET_FORM : undefined) },
);
export type QuietShape = z.infer<typeof QuietShape>;

/** The hours in which another group is asked; null where there are none, or they can never be. */
export function compileQuiet(shape: QuietShape | undefined, at: readonly Key[], faults: FaultList): QuietHours | null {
  if (shape === undefined) return null;
  const { from, to, zone, to_group: group, channel } = shape;
  const isKnown = isZone(zone);
  if (!isKnown)
    faults.add([...at, 'zone'], `${isNow(zone)}, which is no time zone here`, 'a name such as Europe/Berlin or UTC');
  if (from === to)
    faults.add(
      [...at, 'to'],
      'is the same as from',
      'another time; to ask a group at any hour, list it under approvers',
    );
  if (!isKnown || from === to) return null;
  return { from, to, zone, group, ...(channel === undefined ? {} : { channel }) };
}
