import { randomBytes } from 'node:crypto';
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { isOurHost, isSecure, type OwnAddresses, originOf } from '../../domain/addresses.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import type { EventType, NewEvent } from '../../domain/log/event.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Login, Logins } from '../../ports.ts';
import type { Identity, Reviewer } from './reviewer.ts';
import { Throttle } from './throttle.ts';

export interface LoginSessionsDeps {
  readonly gateway: Gateway;
  readonly logins: Logins;
  readonly identity: Identity;
  readonly place: OwnAddresses;
  /** The address that a request came from, as far as the runtime can tell. */
  readonly address: (c: Context) => string;
}

/** A reviewer who is signed in. */
export interface ConsoleVisit {
  readonly login: string;
  readonly reviewer: Reviewer;
}

export type SignedIn =
  | { readonly kind: 'in' }
  | { readonly kind: 'refused' }
  /** Too many tries; seconds. */
  | { readonly kind: 'later'; readonly seconds: number };

const IDLE_MS = 30 * 60_000;
const LONGEST_MS = 8 * 60 * 60_000;
/** How exactly idleness is known: one write a login in so many ms. */
const SEEN_EVERY_MS = 60_000;

/**
 * Lets reviewers in and out. The cookie holds 256 random bits; SQL holds their keyed digest, so that every replica
 * knows a login and any can end it. Signing out deletes the row; a changed admin token ends every login made with it.
 */
export class LoginSessions {
  readonly #deps: LoginSessionsDeps;
  readonly #throttle = new Throttle();

  constructor(deps: LoginSessionsDeps) {
    this.#deps = deps;
  }

  get open(): boolean {
    return this.#deps.identity.open;
  }

  get place(): OwnAddresses {
    return this.#deps.place;
  }

  /** Whether a request that changes something comes from a page of ours. */
  isOurs(c: Context): boolean {
    const { origin, 'sec-fetch-site': site = 'same-origin' } = c.req.header();
    return site === 'same-origin' && originOf(this.#deps.place, hostOf(c), origin) === 'same';
  }

  async signIn(c: Context, credential: string): Promise<SignedIn> {
    const { gateway, identity, logins, address } = this.#deps;
    const now = gateway.clock.now();
    const from = address(c);
    const seconds = this.#throttle.take(from, now);
    if (seconds !== null) return { kind: 'later', seconds };
    const reviewer = await identity.present(credential);
    if (reviewer === null) {
      this.#note('admin.refused', 'unknown', { reason: 'wrong token', from });
      return { kind: 'refused' };
    }
    this.#throttle.giveBack(from);
    const secret = randomBytes(32).toString('base64url');
    const login = {
      id: this.#digests(nameOf(secret))[0]!,
      reviewer: reviewer.id,
      credential: this.#digests(basisOf(reviewer))[0]!,
      at: now,
      seenAt: now,
      endsAt: new Date(now.getTime() + LONGEST_MS),
    };
    await logins.begin(login, this.#event('admin.signed_in', reviewer.id, { from, login: login.id.slice(0, 12) }));
    setCookie(c, this.#cookie, secret, {
      httpOnly: true,
      sameSite: 'Strict',
      path: '/',
      secure: isSecure(this.#deps.place),
      maxAge: LONGEST_MS / 1_000,
    });
    return { kind: 'in' };
  }

  /** The reviewer behind this request; null when there is none. `quiet` looks do not count as use. */
  async visit(c: Context, quiet = false): Promise<ConsoleVisit | null> {
    const { gateway, identity, logins, place } = this.#deps;
    const secret = getCookie(c, this.#cookie);
    if (secret === undefined || !isOurHost(place, hostOf(c))) return null;
    const login = await this.#loginOf(secret);
    const now = gateway.clock.now();
    if (login === null || now >= login.endsAt || now.getTime() >= login.seenAt.getTime() + IDLE_MS) return null;
    const reviewer = await identity.reviewer(login.reviewer);
    if (reviewer === null || !this.#digests(basisOf(reviewer)).includes(login.credential)) return null;
    if (!quiet && now.getTime() - login.seenAt.getTime() >= SEEN_EVERY_MS) await logins.seen(login.id, now);
    return { login: login.id, reviewer };
  }

  async signOut(c: Context): Promise<void> {
    const visit = await this.visit(c, true);
    deleteCookie(c, this.#cookie, { path: '/', secure: isSecure(this.#deps.place) });
    if (visit === null) return;
    const event = this.#event('admin.signed_out', visit.reviewer.id, { login: visit.login.slice(0, 12) });
    await this.#deps.logins.end(visit.login, event);
  }

  /** A request with a good cookie that did not come from our page, or was not JSON: said aloud, because it may be an attack. */
  refuse(c: Context, visit: ConsoleVisit, reason: string): void {
    const origin = c.req.header('origin')?.slice(0, 200) ?? null;
    this.#note('admin.refused', visit.reviewer.id, { reason, path: c.req.path.slice(0, 200), origin });
  }

  #note(type: EventType, actor: string, data: JsonObject): void {
    this.#deps.gateway.journal.note(this.#event(type, actor, data));
  }

  #event(type: EventType, actor: string, data: JsonObject): NewEvent {
    const at = this.#deps.gateway.clock.now();
    return { type, at, actor, approval: null, server: null, tool: null, grant: null, data };
  }

  /** `__Host-` binds the cookie to this host over TLS; browsers refuse the prefix on plain http. */
  get #cookie(): string {
    return isSecure(this.#deps.place) ? '__Host-holdfast_session' : 'holdfast_session';
  }

  /** Begun under whichever of our secrets. */
  async #loginOf(secret: string): Promise<Login | null> {
    for (const id of this.#digests(nameOf(secret))) {
      const login = await this.#deps.logins.find(id);
      if (login !== null) return login;
    }
    return null;
  }

  #digests(text: string): readonly string[] {
    return this.#deps.gateway.vault.digests('console', text);
  }
}

const nameOf = (secret: string): string => `login ${secret}`;
const basisOf = ({ id, basis }: Reviewer): string => `basis ${id} ${basis}`;

/** Why a request that rides on a cookie is not taken; null when it is ours. */
export function foreign(c: Context, reception: LoginSessions): string | null {
  if (!reception.isOurs(c)) return 'A cookie counts only from a page of this gateway.';
  if (!/^application\/json\s*(;|$)/i.test(c.req.header('content-type') ?? ''))
    return 'Send a JSON body as application/json.';
  return null;
}

/** The host that a request asked, port included. */
export function hostOf(c: Context): string {
  return c.req.header('host') ?? new URL(c.req.url).host;
}
