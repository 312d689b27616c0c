import { randomBytes } from 'node:crypto';
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { isOurHost, isSecure, type OwnAddresses, originOf } from '../../domain/addresses.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import { type EventType, type NewEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import { loginMark } from '../../domain/log/marks.ts';
import { actorOf } from '../../domain/people/actor.ts';
import { rolesOf } from '../../domain/people/identity.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Directory } from '../../gateway/person/directory.ts';
import { type PersonSignIn, signInPerson } from '../../gateway/person/sign-in.ts';
import type { Login, Logins, Vouched } from '../../ports.ts';
import type { PeopleDoors } from './people-doors.ts';
import type { AddressOf } from './remote-address.ts';
import type { Identity, Reviewer } from './reviewer.ts';
import type { SignInLinks } from './sign-in-links.ts';
import { isAskedHere } from './this-machine.ts';

export interface LoginSessionsDeps {
  readonly gateway: Gateway;
  readonly logins: Logins;
  readonly identity: Identity;
  readonly addresses: OwnAddresses;
  /** The address that a request came from, as far as the runtime knows it. */
  readonly remoteAddress: AddressOf;
  readonly signInLinks: SignInLinks;
  /** Absent: nobody signs in by a provider. */
  readonly people?: PeopleDoors | undefined;
}

/** A reviewer who is signed in. */
export interface ActiveLogin {
  /** The login's id: a keyed digest of the cookie. */
  readonly login: string;
  readonly reviewer: Reviewer;
}

export type SignInResult =
  | { readonly kind: 'signed_in' }
  | { readonly kind: 'refused' }
  /** Wrong, like too many before it; after so many seconds a wrong one is answered as such again. */
  | { readonly kind: 'throttled'; readonly seconds: number };

/** Milliseconds without use after which a login ends. */
const IDLE_MS = 30 * 60_000;
/** Milliseconds after which a login ends even when it is used. */
const MAX_AGE_MS = 8 * 60 * 60_000;
/** Use is written to the database at most once in so many ms per login; idle time is known that exactly. */
const SEEN_EVERY_MS = 60_000;

/**
 * Signs reviewers in and out of the console. The cookie holds 256 random bits; SQL holds their keyed digest, so every
 * replica knows a login and any of them can end it. Signing out deletes the row; a changed admin token ends every login
 * made with the old one.
 */
export class LoginSessions {
  readonly #deps: LoginSessionsDeps;

  constructor(deps: LoginSessionsDeps) {
    this.#deps = deps;
  }

  /** Whether anybody can sign in at all. */
  get canSignIn(): boolean {
    return this.#deps.identity.canSignIn || this.provider !== null;
  }

  /** Whether the admin token opens the console. */
  get takesToken(): boolean {
    return this.#deps.identity.canSignIn;
  }

  /** By which people sign in as themselves; null: there is none. */
  get provider(): ReturnType<Directory['provider']> {
    return this.#deps.people?.directory.provider() ?? null;
  }

  get people(): PeopleDoors | undefined {
    return this.#deps.people;
  }

  get addresses(): OwnAddresses {
    return this.#deps.addresses;
  }

  /** Whether a request comes from a page of this very origin, by its Origin and Sec-Fetch-Site. Without an Origin: no. */
  isSameOrigin(c: Context): boolean {
    const { origin, 'sec-fetch-site': site = 'same-origin' } = c.req.header();
    return site === 'same-origin' && originOf(this.#deps.addresses, requestHost(c), origin) === 'same';
  }

  /**
   * Takes the secret of a one-time link, from a browser on this machine with nothing in between, and sets the cookie. It is
   * spent whatever comes of it. Events tell of the sign-in, and of what was refused.
   */
  async signInByLink(c: Context, secret: string): Promise<SignInResult> {
    const { gateway, identity, signInLinks, addresses } = this.#deps;
    const here = isAskedHere(c, addresses.hosts());
    const fits = signInLinks.spend(secret, gateway.clock.now());
    const reviewer = here && fits ? await identity.reviewer('admin') : null;
    if (reviewer === null) return this.#refuse(c);
    await this.#begin(c, reviewer, 'link');
    return { kind: 'signed_in' };
  }

  /**
   * Sets the cookie on success. A right credential passes however many wrong ones came before it; those are counted, and
   * told in events.
   */
  async signIn(c: Context, credential: string): Promise<SignInResult> {
    const reviewer = await this.#deps.identity.authenticate(credential);
    if (reviewer === null) return this.#refuse(c);
    await this.#begin(c, reviewer, 'token');
    return { kind: 'signed_in' };
  }

  /** A sign-in at the provider came to nothing: counted, and told in events. */
  noteFailedSignIn(c: Context, status: 400 | 429): void {
    const { gateway, remoteAddress } = this.#deps;
    gateway.accessLog.refused({ door: 'console', status, server: null, grant: null, address: remoteAddress(c) });
  }

  #refuse(c: Context): SignInResult {
    const { gateway, remoteAddress } = this.#deps;
    const from = remoteAddress(c);
    const seconds = gateway.reviewerGuesses.wrong(from, 'admin');
    const status = seconds === null ? 401 : 429;
    gateway.accessLog.refused({ door: 'console', status, server: null, grant: null, address: from });
    return seconds === null ? { kind: 'refused' } : { kind: 'throttled', seconds };
  }

  async #begin(c: Context, reviewer: Reviewer, by: 'token' | 'link'): Promise<void> {
    const { logins, remoteAddress } = this.#deps;
    const { secret, login: fresh } = this.#fresh();
    const credential = this.#digests(credentialText(reviewer))[0]!;
    const login = { ...fresh, reviewer: reviewer.id, credential };
    const told = { from: remoteAddress(c), login: loginMark(login.id), ...(by === 'link' && { by }) };
    await logins.begin(login, this.#event('admin.signed_in', reviewer.id, told));
    this.#tellOfAdmin(c);
    this.#setCookie(c, secret);
  }

  /** Signs in somebody for whom the provider has vouched. `flow`: the sign-in, which is over whatever comes of it. */
  async signInPerson(
    c: Context,
    vouched: Vouched,
    flow: { readonly state: string; readonly before: string | null },
  ): Promise<PersonSignIn> {
    const { gateway, logins, people, remoteAddress } = this.#deps;
    if (people === undefined) return { kind: 'refused', why: 'There is no provider here.' };
    // Whoever is signed in in this browser is no more: nobody goes on as somebody else.
    await this.signOut(c);
    const { secret, login } = this.#fresh();
    const signed = await signInPerson({ gateway, logins, ...people }, vouched, flow.state, login, remoteAddress(c));
    if (signed.kind === 'refused') return signed;
    this.#setCookie(c, secret);
    // The way back from the provider has no cookie of a session with it: the way there had.
    const before = flow.before === null ? null : await logins.find(flow.before);
    if (before !== null) await this.#end(before);
    return signed;
  }

  /** Where people sign in as themselves, whoever goes about as the admin is told of, at each request. */
  #tellOfAdmin(c: Context): void {
    const { people, remoteAddress } = this.#deps;
    if (this.provider === null) return;
    people?.breakGlass.used('console', `${c.req.method} ${c.req.path}`.slice(0, 200), remoteAddress(c));
  }

  #fresh() {
    const now = this.#deps.gateway.clock.now();
    const secret = randomBytes(32).toString('base64url');
    const id = this.#digests(loginText(secret))[0]!;
    return { secret, login: { id, at: now, seenAt: now, endsAt: new Date(now.getTime() + MAX_AGE_MS) } };
  }

  #setCookie(c: Context, secret: string): void {
    setCookie(c, this.#cookie, secret, {
      httpOnly: true,
      sameSite: 'Strict',
      path: '/',
      secure: isSecure(this.#deps.addresses),
      maxAge: MAX_AGE_MS / 1_000,
    });
  }

  /** The login behind this request's cookie; null when there is none or it is over. `quiet`: does not count as use. */
  async activeLogin(c: Context, quiet = false): Promise<ActiveLogin | null> {
    const { gateway, identity, logins, addresses } = this.#deps;
    const secret = getCookie(c, this.#cookie);
    if (secret === undefined || !isOurHost(addresses, requestHost(c))) return null;
    const login = await this.#loginOf(secret);
    const now = gateway.clock.now();
    if (login === null || now >= login.endsAt || now.getTime() >= login.seenAt.getTime() + IDLE_MS) return null;
    const reviewer = login.reviewer === 'admin' ? await identity.reviewer(login.reviewer) : await this.#person(login);
    if (reviewer === null) return null;
    if (login.reviewer === 'admin' && !this.#digests(credentialText(reviewer)).includes(login.credential)) return null;
    if (login.reviewer === 'admin') this.#tellOfAdmin(c);
    if (!quiet && now.getTime() - login.seenAt.getTime() >= SEEN_EVERY_MS) await logins.seen(login, now);
    return { login: login.id, reviewer };
  }

  /**
   * Ends the login on every replica and deletes the cookie. Where the browser goes to end its session at the provider as well;
   * null: nowhere.
   */
  async signOut(c: Context): Promise<string | null> {
    const { addresses } = this.#deps;
    const secret = getCookie(c, this.#cookie);
    deleteCookie(c, this.#cookie, { path: '/', secure: isSecure(addresses) });
    const login = secret === undefined || !isOurHost(addresses, requestHost(c)) ? null : await this.#loginOf(secret);
    return login === null ? null : this.#end(login);
  }

  /** The id of the login that this request's cookie would be; null: it has none. */
  idOfCookie(c: Context): string | null {
    const secret = getCookie(c, this.#cookie);
    return secret === undefined ? null : this.#digests(loginText(secret))[0]!;
  }

  /** Where a request came from. */
  addressOf(c: Context): string | null {
    return this.#deps.remoteAddress(c);
  }

  /** As `signOut`. */
  async #end(login: Login): Promise<string | null> {
    const { logins, people } = this.#deps;
    // Before its row is gone; nobody waits for the provider, which may be away.
    const end = login.reviewer === 'admin' ? null : ((await people?.confirmer.forget(login.id)) ?? null);
    await logins.end(login.id, this.#event('admin.signed_out', login.reviewer, { login: loginMark(login.id) }));
    return end;
  }

  /** The person of this login, as the provider says within a minute; null: it is over. Throws while it does not answer. */
  async #person(login: Login): Promise<Reviewer | null> {
    const found = await this.#deps.people?.confirmer.confirm(login);
    if (!found) return null;
    const { id, person, sources } = found.standing;
    const userGroups = (await this.#deps.people?.userGroups(id)) ?? [];
    return { id, name: person ?? found.name, userGroups, credential: '', roles: rolesOf(sources) };
  }

  /**
   * Logs that a request with a valid cookie was refused because it did not come from our page or was not JSON: it may
   * have been an attack.
   */
  noteRefusal(c: Context, who: { readonly id: string }, reason: string): void {
    const origin = c.req.header('origin')?.slice(0, 200) ?? null;
    this.#note('admin.refused', who.id, { reason, path: c.req.path.slice(0, 200), origin });
  }

  #note(type: EventType, actor: string, data: JsonObject): void {
    this.#deps.gateway.journal.note(this.#event(type, actor, data));
  }

  #event(type: EventType, actor: string, data: JsonObject): NewEvent {
    const at = this.#deps.gateway.clock.now();
    return { type, at, actor: actorOf({ id: actor }), ...NO_SUBJECT, data };
  }

  /** `__Host-` binds the cookie to this host over TLS; browsers reject the prefix over plain HTTP. */
  get #cookie(): string {
    return isSecure(this.#deps.addresses) ? '__Host-holdfast_session' : 'holdfast_session';
  }

  /** The login may have begun under any of the configured secrets. */
  async #loginOf(secret: string): Promise<Login | null> {
    for (const id of this.#digests(loginText(secret))) {
      const login = await this.#deps.logins.find(id);
      if (login !== null) return login;
    }
    return null;
  }

  #digests(text: string): readonly string[] {
    return this.#deps.gateway.vault.digests('console', text);
  }
}

// What the stored digests are made of: changing these texts signs everybody out.
const loginText = (secret: string): string => `login ${secret}`;
const credentialText = ({ id, credential }: Reviewer): string => `basis ${id} ${credential}`;

/**
 * Why a request that changes something by a cookie is refused; null when it is not. A cookie counts only with JSON from
 * a page of this origin, which no other site's page can send.
 */
export function cookieRequestFault(c: Context, loginSessions: LoginSessions): string | null {
  if (!loginSessions.isSameOrigin(c)) return 'A request with a cookie is accepted only from a page of this gateway.';
  if (!/^application\/json\s*(;|$)/i.test(c.req.header('content-type') ?? ''))
    return 'Send a JSON body as application/json.';
  return null;
}

/** The host that a request was sent to, port included. */
export function requestHost(c: Context): string {
  return c.req.header('host') ?? new URL(c.req.url).host;
}
