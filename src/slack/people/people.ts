import { type JsonObject, member } from '../../domain/json/json.ts';
import type { Clock, Log } from '../../ports.ts';
import { withinOr } from '../../time/within.ts';
import type { SlackApi } from '../wire/api.ts';
import { AnswerCache } from './answer-cache.ts';
import { type Home, type HomeTerms, homeMismatches, homeOf } from './home.ts';
import { type PersonStanding, strangerReason } from './standing.ts';

/** A click is judged by facts at most this old. */
const FRESH_MS = 60_000;
/** Slack wants its ack within 3 s; a look-up that takes longer than this is given up. */
export const LOOKUP_MS = 2_000;

export interface PeopleOptions extends HomeTerms {
  readonly api: SlackApi;
  readonly clock: Clock;
  /** Told if Slack names another home than the config. */
  readonly log?: Log | undefined;
  readonly lookupMs?: number;
}

/**
 * What Slack says about people: who they are and which groups they are in. At most a minute old, and for one home only:
 * another home gets an instance of its own, which begins knowing nothing.
 */
export class People {
  readonly #api: SlackApi;
  readonly #log: Log | undefined;
  readonly #lookupMs: number;
  readonly #users: AnswerCache<JsonObject>;
  readonly #groups: AnswerCache<readonly string[]>;
  readonly #terms: HomeTerms;
  #home: Home | null = null;

  constructor({ api, clock, log, team, enterprise, lookupMs = LOOKUP_MS }: PeopleOptions) {
    this.#api = api;
    this.#log = log;
    this.#lookupMs = lookupMs;
    this.#users = new AnswerCache(clock, FRESH_MS);
    this.#groups = new AnswerCache(clock, FRESH_MS);
    this.#terms = { team, enterprise };
  }

  /**
   * The workspace that the token belongs to; asked until Slack answers once. Null if Slack does not answer, or if it is
   * not the configured one: a gateway that started while Slack was away has not compared the two yet.
   */
  async home(): Promise<Home | null> {
    if (this.#home !== null) return this.#home;
    const answer = await withinOr(this.#lookupMs, this.#api.call('auth.test', {}), null);
    if (!answer?.ok) return null;
    for (const { what, remedy } of homeMismatches(answer.body, this.#terms)) {
      this.#log?.error({ remedy }, `Slack: ${what}: nobody's click counts`);
    }
    this.#home = homeOf(answer.body, this.#terms);
    return this.#home;
  }

  /** Whether this person is a full member of our home. */
  async standing(user: string): Promise<PersonStanding> {
    const lookup = this.#users.get(user, this.#lookupMs, () => this.#ask('users.info', { user }, 'user'));
    const [home, found] = await Promise.all([this.home(), lookup]);
    if (home === null) return { kind: 'cannot_tell', why: 'Slack did not say that this is the configured workspace' };
    if (found === 'missing') return { kind: 'refused', reason: 'unknown_person' };
    if (found === null) return { kind: 'cannot_tell', why: 'Slack did not say who this is' };
    const reason = strangerReason(found, home);
    return reason === null ? { kind: 'colleague' } : { kind: 'refused', reason };
  }

  /**
   * Those of the groups that the person is in; null if Slack did not answer for a group that might have mattered. `each`: all
   * of them matter; else one that the person is in is enough.
   */
  async groupsOf(user: string, groups: readonly string[], each = false): Promise<readonly string[] | null> {
    const members = await Promise.all(groups.map((group) => this.#members(group)));
    const inside = groups.filter((_, index) => members[index]?.includes(user));
    return (each || inside.length === 0) && members.includes(null) ? null : inside;
  }

  async #members(group: string): Promise<readonly string[] | null> {
    const found = await this.#groups.get(group, this.#lookupMs, async () => {
      const users = await this.#ask('usergroups.users.list', { usergroup: group }, 'users');
      if (users === 'missing' || users === null) return users;
      return Array.isArray(users) ? users.filter((id): id is string => typeof id === 'string') : null;
    });
    return found === 'missing' ? [] : found;
  }

  /** One member of Slack's answer. `missing` if Slack knows no such thing, null if it did not answer. */
  async #ask(method: string, args: JsonObject, name: string): Promise<JsonObject | 'missing' | null> {
    const answer = await this.#api.call(method, args);
    if (answer.ok) return (member(answer.body, name) as JsonObject | undefined) ?? null;
    return MISSING.has(answer.failure.code) ? 'missing' : null;
  }
}

const MISSING = new Set(['user_not_found', 'user_not_visible', 'no_such_subteam', 'subteam_not_found']);
