/** The database's clock, and how far this machine's own is ahead of it, in ms; absent: they are the same. */
interface TwoClocks {
  now(): Date;
  readonly aheadMs?: number;
}

/**
 * The earlier of the database's time and this machine's: what is over by it is over by both. What keeps something from
 * being done again is forgotten by it, so that whoever sets one of the clocks has nothing forgotten early.
 */
export function earlierOf(clocks: TwoClocks): Date {
  return new Date(clocks.now().getTime() + Math.min(0, clocks.aheadMs ?? 0));
}

/** The later of the two: what is kept until some time after it is kept as long by both. */
export function laterOf(clocks: TwoClocks): Date {
  return new Date(clocks.now().getTime() + Math.max(0, clocks.aheadMs ?? 0));
}
