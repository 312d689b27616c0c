import type { Approval } from '../../domain/approval/approval.ts';

/** Which channel an approval's card goes to: the tool's, else the server's, else the default. */
export interface Routing {
  /** A channel's id (C…, G…). */
  readonly channel: string;
  readonly servers?: Readonly<Record<string, string>> | undefined;
  /** By `server.tool`. */
  readonly tools?: Readonly<Record<string, string>> | undefined;
  /** Where a card goes while its own channel takes nothing. */
  readonly fallback?: string | undefined;
  /** Where cards of quiet hours go, each once. */
  readonly quiet?: readonly string[] | undefined;
  /**
   * `instead`: a card that exactly one person can decide goes to that person's direct messages.
   * `beside`: the approvers named by person get a line with a link to the card; the decision stays in the channel.
   */
  readonly direct?: 'off' | 'beside' | 'instead' | undefined;
}

/** A routing that may change while the process runs; it is read anew for each card and each click. */
export class LiveRouting implements Routing {
  #now: Routing;

  constructor(routing: Routing) {
    this.#now = routing;
  }

  get channel(): string {
    return this.#now.channel;
  }

  get servers(): Routing['servers'] {
    return this.#now.servers;
  }

  get tools(): Routing['tools'] {
    return this.#now.tools;
  }

  get fallback(): Routing['fallback'] {
    return this.#now.fallback;
  }

  get quiet(): Routing['quiet'] {
    return this.#now.quiet;
  }

  get direct(): Routing['direct'] {
    return this.#now.direct;
  }

  /** Cards that were already posted stay where they are. */
  become(routing: Routing): void {
    this.#now = routing;
  }
}

/** What was asked in quiet hours goes where they say, as frozen with it. */
export function channelFor(
  routing: Routing,
  approval: Pick<Approval, 'server' | 'tool'> & { readonly requirement?: Pick<Approval['requirement'], 'quiet'> },
): string {
  const own = <T>(map: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
    map !== undefined && Object.hasOwn(map, name) ? map[name] : undefined;
  return (
    approval.requirement?.quiet?.channel ??
    own(routing.tools, `${approval.server}.${approval.tool}`) ??
    own(routing.servers, approval.server) ??
    routing.channel
  );
}

/** Every channel that a card may go to, each once. */
export function channelsOf(routing: Routing): string[] {
  const fallback = routing.fallback === undefined ? [] : [routing.fallback];
  const all = [
    routing.channel,
    ...Object.values(routing.servers ?? {}),
    ...Object.values(routing.tools ?? {}),
    ...(routing.quiet ?? []),
    ...fallback,
  ];
  return [...new Set(all)];
}

/** Whether the id is one of a person in Slack: others, such as logins, can be sent nothing there. */
export function isSlackPerson(id: string): boolean {
  return /^[UW][A-Z0-9]{2,}$/.test(id);
}

/** The one person who can decide, if there is exactly one and `direct` is `instead`. */
export function onlyApprover(routing: Routing, approval: Approval): string | null {
  const { people, userGroups, admin, escalate, standIns = [] } = approval.requirement;
  if (routing.direct !== 'instead' || people.length !== 1 || userGroups.length > 0 || admin || escalate) return null;
  if (standIns.length > 0) return null;
  return isSlackPerson(people[0]!) ? people[0]! : null;
}
