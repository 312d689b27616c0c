import type { Approval } from '../../domain/approval/approval.ts';
import type { Log } from '../../ports.ts';
import { closedHome, homeView, MOST_ON_HOME, type WaitingForPerson } from '../card/home-view.ts';
import type { Clicker } from '../people/clicker.ts';
import { type IdentityTerms, type LiveIdentity, strangeness } from '../people/identity.ts';
import type { SlackApi } from '../wire/api.ts';

/** What waits for people, as the gateway says; both are read anew each time. */
export interface AppHomeUse {
  /** The user groups by which the config and its policies admit people. */
  userGroups(): readonly string[];
  /** The calls that wait for this person, and how many there are; at most `most` of them, oldest first. */
  waiting(user: string, userGroups: readonly string[], most: number): Promise<WaitingForPerson>;
}

/** People whose Home is kept up to date; whoever opened it longest ago is forgotten first, and sees it when they open it again. */
const MOST_HOMES = 200;
/** Milliseconds between two updates of one Home. */
const APART_MS = 3_000;

interface Home {
  readonly who: Clicker;
  /** Set while an update is due or under way. */
  timer: ReturnType<typeof setTimeout> | null;
}

export interface AppHomesTerms {
  readonly api: SlackApi;
  readonly identity: LiveIdentity;
  readonly log: Log;
  readonly publicUrl: string | null;
}

/**
 * The Homes of people: made from the store when they are opened, and made again when a card changes that may be on them. Who
 * opens one is looked up as for a click; whoever is no member sees no call.
 */
export class AppHomes {
  readonly #terms: AppHomesTerms;
  readonly #open = new Map<string, Home>();
  #use: AppHomeUse | null = null;
  #closed = false;

  constructor(terms: AppHomesTerms) {
    this.#terms = terms;
  }

  use(use: AppHomeUse): void {
    this.#use = use;
  }

  /** This person looks at their Home. */
  async opened(who: Clicker): Promise<void> {
    const before = this.#open.get(who.user);
    this.#open.delete(who.user);
    this.#open.set(who.user, before ?? { who, timer: null });
    for (const [user, home] of this.#open) {
      if (this.#open.size <= MOST_HOMES) break;
      if (home.timer !== null) clearTimeout(home.timer);
      this.#open.delete(user);
    }
    if (before?.timer == null) await this.#publish(who);
  }

  /** An approval has changed, or is new: the Homes of those whom its requirement may name follow. */
  changed({ requirement }: Pick<Approval, 'requirement'>): void {
    if (this.#closed) return;
    const circles = [requirement, ...(requirement.escalate === null ? [] : [requirement.escalate])];
    const byGroup = circles.some(({ userGroups }) => userGroups.length > 0);
    const named = new Set(circles.flatMap(({ people, standIns = [] }) => [...people, ...standIns.map(({ by }) => by)]));
    for (const home of this.#open.values()) {
      if (home.timer !== null || !(byGroup || named.has(home.who.user))) continue;
      home.timer = setTimeout(() => {
        home.timer = null;
        void this.#publish(home.who);
      }, APART_MS);
      home.timer.unref?.();
    }
  }

  close(): void {
    this.#closed = true;
    for (const { timer } of this.#open.values()) if (timer !== null) clearTimeout(timer);
    this.#open.clear();
  }

  async #publish(who: Clicker): Promise<void> {
    const { api, identity, log, publicUrl } = this.#terms;
    try {
      const view = await this.#viewFor(identity.now, who, publicUrl);
      const answer = await api.call('views.publish', { user_id: who.user, view });
      if (!answer.ok) log.warn({ why: answer.failure.code }, 'Slack did not take a Home');
    } catch (error) {
      log.warn({ err: error }, 'a Home could not be made');
    }
  }

  async #viewFor(terms: IdentityTerms, who: Clicker, publicUrl: string | null) {
    const stranger = await strangeness(terms, who);
    if (stranger?.kind === 'cannot_tell')
      return closedHome('Slack did not answer in time who you are. Open this again.');
    if (stranger !== null || this.#use === null)
      return closedHome('Only members of this gateway’s own workspace can decide here.');
    const groups = await terms.people.groupsOf(who.user, this.#use.userGroups());
    return homeView(await this.#use.waiting(who.user, groups ?? [], MOST_ON_HOME), publicUrl);
  }
}
