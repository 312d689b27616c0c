/** Hours of the day in which other people are asked. */
export interface QuietHours {
  /** `HH:MM` on the clocks of the zone; at `from` it begins, at `to` it is over. Where `to` is the smaller one, midnight lies between. */
  readonly from: string;
  readonly to: string;
  /** A name of the IANA time zone database, such as `Europe/Berlin`. */
  readonly zone: string;
  /** The group that is asked instead. */
  readonly group: string;
  /** The Slack channel that cards go to meanwhile; absent: the same as by day. */
  readonly channel?: string;
}

/** `none`: this rule asks the same people at any hour, whatever the config says. */
export type QuietRule = QuietHours | 'none';

const CLOCK = /^([01]\d|2[0-3]):([0-5]\d)$/;
/** What `Intl` may be asked; a name is looked up in its table without case. */
const ZONE = /^[A-Za-z][A-Za-z0-9_+-]{0,31}(?:\/[A-Za-z0-9_+-]{1,32}){0,2}$/;

/** Minutes since midnight; null: it is no time of the day. */
export function minuteOf(clock: string): number | null {
  const found = CLOCK.exec(clock);
  return found === null ? null : Number(found[1]) * 60 + Number(found[2]);
}

/** Whether there is such a time zone. */
export function isZone(zone: string): boolean {
  return ZONE.test(zone) && clockIn(zone) !== null;
}

/**
 * Whether it is quiet at this instant, by what clocks in the zone show. So an hour that they show twice is quiet twice, and
 * where they leap over `from` it begins after the leap. Hours that cannot be read are never quiet: then the usual people are asked.
 */
export function isQuiet({ from, to, zone }: Pick<QuietHours, 'from' | 'to' | 'zone'>, at: Date): boolean {
  const [begins, ends] = [minuteOf(from), minuteOf(to)];
  const clock = clockIn(zone);
  if (begins === null || ends === null || clock === null) return false;
  const now = minuteOf(clock.format(at));
  if (now === null) return false;
  return begins < ends ? now >= begins && now < ends : now >= begins || now < ends;
}

const CLOCKS = new Map<string, Intl.DateTimeFormat | null>();
/** Zones whose clocks are kept: a config names few. */
const MOST_CLOCKS = 64;

function clockIn(zone: string): Intl.DateTimeFormat | null {
  const known = CLOCKS.get(zone);
  if (known !== undefined) return known;
  if (CLOCKS.size >= MOST_CLOCKS) CLOCKS.clear();
  const made = makeClock(zone);
  CLOCKS.set(zone, made);
  return made;
}

function makeClock(timeZone: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  } catch {
    return null;
  }
}
