import { type JsonObject, member } from '../domain/json.ts';
import type { Clock, Log } from '../ports.ts';
import { withinOr } from '../time/within.ts';
import type { SlackApi } from './api.ts';
import { Fresh } from './fresh.ts';
import { type Home, type HomeTerms, homeFaults, homeOf } from './home.ts';

export type StrangerReason = 'other_team' | 'deactivated' | 'bot' | 'guest' | 'stranger' | 'unknown_person';

export type PersonStanding =
  | { readonly kind: 'colleague' }
  | { readonly kind: 'refused'; readonly reason: StrangerReason }
  /** Slack did not say in time: nothing is known, so nothing is allowed. */
  | { readonly kind: 'cannot_tell'; readonly why: string };

/** Facts are at most this old when a click rests on them. */
const FRESH_MS = 60_000;
/** Slack wants its ack after 3 s; a look-up that takes longer than this is given up. */
export const LOOKUP_MS = 2_000;

export interface PeopleOptions extends HomeTerms {
  readonly api: SlackApi;
  readonly clock: Clock;
  /** Told where Slack says another home than the config. */
  readonly log?: Log | undefined;
  readonly lookupMs?: number;
}

/**
 * What Slack says about people: who they are, which groups they are in. At most a minute old, and of one home: another
 * home has people of its own, who begin with nothing known.
 */
export class People {
  readonly #api: SlackApi;
  readonly #log: Log | undefined;
  readonly #lookupMs: number;
  readonly #users: Fresh<JsonObject>;
  readonly #groups: Fresh<readonly string[]>;
  readonly #terms: HomeTerms;
  #home: Home | null = null;

  constructor({ api, clock, log, team, enterprise, lookupMs = LOOKUP_MS }: PeopleOptions) {
    this.#api = api;
    this.#log = log;
    this.#lookupMs = lookupMs;
    this.#users = new Fresh(clock, FRESH_MS);
    this.#groups = new Fresh(clock, FRESH_MS);
    this.#terms = { team, enterprise };
  }

  /**
   * The workspace that the token belongs to, asked of Slack once; null when it does not answer, or when that is not the
   * configured one: a gateway may have started while Slack was away, and nobody has compared them then.
   */
  async home(): Promise<Home | null> {
    if (this.#home !== null) return this.#home;
    const answer = await withinOr(this.#lookupMs, this.#api.call('auth.test', {}), null);
    if (!answer?.ok) return null;
    for (const { what, remedy } of homeFaults(answer.body, this.#terms)) {
      this.#log?.error({ remedy }, `Slack: ${what}: nobody's click counts`);
    }
    this.#home = homeOf(answer.body, this.#terms);
    return this.#home;
  }

  /** Whether this person is one of our own people, in good standing. */
  async standing(user: string): Promise<PersonStanding> {
    const asked = this.#users.get(user, this.#lookupMs, () => this.#ask('users.info', { user }, 'user'));
    const [home, found] = await Promise.all([this.home(), asked]);
    if (home === null) return { kind: 'cannot_tell', why: 'Slack did not say that this is the configured workspace' };
    if (found === 'missing') return { kind: 'refused', reason: 'unknown_person' };
    if (found === null) return { kind: 'cannot_tell', why: 'Slack did not say who this is' };
    const reason = fault(found, home);
    return reason === null ? { kind: 'colleague' } : { kind: 'refused', reason };
  }

  /** Of these groups, those the person is in; null when Slack did not say of one of them and it could matter. */
  async groupsOf(user: string, groups: readonly string[]): Promise<readonly string[] | null> {
    const known = await Promise.all(groups.map((group) => this.#members(group)));
    const inside = groups.filter((_, index) => known[index]?.includes(user));
    return inside.length === 0 && known.includes(null) ? null : inside;
  }

  async #members(group: string): Promise<readonly string[] | null> {
    const found = await this.#groups.get(group, this.#lookupMs, async () => {
      const users = await this.#ask('usergroups.users.list', { usergroup: group }, 'users');
      if (users === 'missing' || users === null) return users;
      return Array.isArray(users) ? users.filter((id): id is string => typeof id === 'string') : null;
    });
    return found === 'missing' ? [] : found;
  }

  /** `missing` when Slack knows of no such thing, null when it did not say. */
  async #ask(method: string, args: JsonObject, name: string): Promise<JsonObject | 'missing' | null> {
    const answer = await this.#api.call(method, args);
    if (answer.ok) return (member(answer.body, name) as JsonObject | undefined) ?? null;
    return MISSING.has(answer.failure.code) ? 'missing' : null;
  }
}

const MISSING = new Set(['user_not_found', 'user_not_visible', 'no_such_subteam', 'subteam_not_found']);

function fault(user: JsonObject, home: Home): StrangerReason | null {
  if (user.is_stranger === true) return 'stranger';
  if (user.deleted === true) return 'deactivated';
  if (user.is_bot === true || user.is_workflow_bot === true || user.id === 'USLACKBOT') return 'bot';
  if (user.is_restricted === true || user.is_ultra_restricted === true) return 'guest';
  return lives(user, home) ? null : 'other_team';
}

/** On Grid `team_id` may be any workspace of the organisation, or the organisation itself. */
function lives(user: JsonObject, home: Home): boolean {
  if (text(user, 'team_id') === home.team) return true;
  const grid = member(user, 'enterprise_user');
  if (home.enterprise === null || member(grid, 'enterprise_id') !== home.enterprise) return false;
  const teams = member(grid, 'teams');
  return Array.isArray(teams) && teams.includes(home.team);
}

function text(object: JsonObject, name: string): string | null {
  const value = member(object, name);
  return typeof value === 'string' && value !== '' ? value : null;
}
