/** Those who may decide. */
export interface Circle {
  /** People who are named: a Slack user id each, or the login of one who has none. */
  readonly people: readonly string[];
  /** Slack user group ids (S…); membership is looked up at the click. */
  readonly userGroups: readonly string[];
  /** Whether a vote by the admin token counts, as one approver named `admin`. */
  readonly admin: boolean;
  /** Who decides in the place of one of them; absent: nobody does. */
  readonly standIns?: readonly StandIn[];
}

/** One who decides in a group in the place of another, until then. Ids as in `people`. */
export interface StandIn {
  readonly group: string;
  readonly for: string;
  readonly by: string;
  /** ISO 8601, in UTC. At this instant it is over. */
  readonly until: string;
}

/** How many people of one group must approve, where each group has a number of its own. */
export interface GroupPlace extends Circle {
  readonly group: string;
  readonly count: number;
}

/** By what a vote counts: as one of a group, or in the place of one of it. */
export interface Right {
  /** The group whose places it may fill; null: of no group in particular, so any place. */
  readonly group: string | null;
  /** The Slack user group that makes the person a member; null: they are named. */
  readonly userGroup: string | null;
  /** In whose place; null: their own. */
  readonly standIn: StandIn | null;
}

/** Everybody who stands in for one of these circles, each once. */
export function standInsOf(circles: readonly (Circle | null)[]): readonly StandIn[] {
  const all = circles.flatMap((circle) => circle?.standIns ?? []);
  return all.filter((one, index) => all.findIndex((other) => isSameStandIn(one, other)) === index);
}

function isSameStandIn(one: StandIn, other: StandIn): boolean {
  return one.group === other.group && one.for === other.for && one.by === other.by && one.until === other.until;
}

/** The others in whose place a vote counts, where it counts by no right of the voter's own; none: it is the voter's own. */
export function standsInFor(rights: readonly Right[] = []): readonly StandIn[] {
  const isOwn = rights.some(({ standIn }) => standIn === null);
  return isOwn ? [] : standInsOf(rights.map(({ standIn }) => standIn && { ...NOBODY_ELSE, standIns: [standIn] }));
}

const NOBODY_ELSE = { people: [], userGroups: [], admin: false };

/** A right as events and the API tell it. */
export function rightJson({ group, userGroup, standIn }: Right) {
  return { group, userGroup, for: standIn?.for ?? null, until: standIn?.until ?? null };
}
