import type { JsonObject } from '../../domain/json/json.ts';
import { NO_SUBJECT } from '../../domain/log/event.ts';
import { loginMark } from '../../domain/log/marks.ts';
import { actorOf } from '../../domain/people/actor.ts';
import { type IdentityProvider, type Login, type PersonLogin, Unavailable, type Vouched } from '../../ports.ts';
import { pause } from '../../time/pause.ts';
import { isAsItBegan, judgeAccount, type KnownStanding } from './account.ts';
import { accountText, keptRow, type SignInDeps } from './sign-in.ts';

export interface ConfirmDeps extends SignInDeps {
  readonly provider: IdentityProvider;
}

/** Milliseconds for which one replica asks alone. Longer than the provider may take for all that it is asked. */
const CLAIM_MS = 25_000;
/** Milliseconds between two looks at what another one finds. */
const LOOK_MS = 200;

const GONE = 'the provider no longer vouches for this session';
const LAPSED = 'there is nothing left with which the provider could be asked again';
const ANOTHER = 'this account is somebody else here than when the session began';
const AWAY = 'The sign-in provider does not answer. Try again in a minute, or use the admin token.';

/** Confirms logins of people: by what is known of them for a minute, then by asking their provider again. */
export class PersonConfirmer {
  readonly #deps: ConfirmDeps;
  /** What this process is asking, by login. */
  readonly #asking = new Map<string, Promise<PersonLogin | null>>();

  constructor(deps: ConfirmDeps) {
    this.#deps = deps;
  }

  /**
   * Who this login's person is and what they may do now; null: it is over. Throws `Unavailable('provider')` while the
   * provider does not answer: nobody is let in then, and nobody's login ends.
   */
  async confirm(login: Login): Promise<{ readonly standing: KnownStanding; readonly name: string } | null> {
    const { gateway, personLogins, directory } = this.#deps;
    const known = await personLogins.find(login.id);
    if (known === null) return null;
    if (!gateway.vault.digests('console', accountText(known.identity)).includes(login.credential)) return null;
    const time = gateway.clock.now();
    const now = time.getTime();
    const at = known.checkedAt.getTime();
    const recheckMs = directory.provider()?.recheckMs ?? 0;
    const fresh = now >= at && now - at < recheckMs ? known : await this.#askOnce(known, login);
    if (fresh === null) return null;
    const standing = await judgeAccount(this.#deps, fresh.identity, time);
    if (standing.kind === 'refused') {
      await this.#end(fresh, login.reviewer, { why: standing.why });
      return null;
    }
    // Whoever became another one signs in as such: what this session did is the first one's.
    if (!isAsItBegan(login.reviewer, fresh.began, standing)) {
      const { id, person, by } = standing;
      await this.#end(fresh, login.reviewer, { why: ANOTHER, before: { ...fresh.began }, now: { id, person, by } });
      return null;
    }
    return { standing, name: fresh.identity.name };
  }

  /** Ends a login that is over, and lets the provider forget its tokens. */
  async #end(known: PersonLogin, reviewer: string, told: JsonObject): Promise<void> {
    const { gateway, logins, provider } = this.#deps;
    const data = { login: loginMark(known.id), ...told };
    const at = gateway.clock.now();
    await logins.end(known.id, { ...NO_SUBJECT, type: 'admin.signed_out', at, actor: actorOf({ id: reviewer }), data });
    const tokens = this.#tokensOf(known);
    if (tokens !== null) void provider.forget(tokens);
  }

  /** The provider forgets a person who signs out. Where the browser goes to end its session there; null: nowhere. */
  async forget(id: string): Promise<string | null> {
    const known = await this.#deps.personLogins.find(id);
    const tokens = known === null ? null : this.#tokensOf(known);
    if (tokens === null) return null;
    const end = await this.#deps.provider.endOfSession(tokens);
    void this.#deps.provider.forget(tokens);
    return end;
  }

  #askOnce(known: PersonLogin, login: Login): Promise<PersonLogin | null> {
    const under = this.#asking.get(known.id);
    if (under !== undefined) return under;
    const asking = this.#ask(known, login).finally(() => this.#asking.delete(known.id));
    this.#asking.set(known.id, asking);
    return asking;
  }

  async #ask(known: PersonLogin, login: Login): Promise<PersonLogin | null> {
    const { gateway, personLogins, provider } = this.#deps;
    if (!(await personLogins.claim(known.id, CLAIM_MS))) return this.#foundByAnother(known);
    // Another one may have asked between the read and the claim, and a refresh token is good once.
    const latest = await personLogins.find(known.id);
    if (latest === null) return null;
    if (latest.checkedAt > known.checkedAt) {
      await personLogins.release(known.id);
      return latest;
    }
    const tokens = this.#tokensOf(latest);
    let said: Vouched | 'gone' | 'lapsed';
    try {
      said = tokens === null ? 'lapsed' : await provider.again({ ...latest, tokens });
    } catch (error) {
      await personLogins.release(known.id);
      throw error;
    }
    if (said === 'lapsed') {
      await this.#end(latest, login.reviewer, { why: LAPSED });
      return null;
    }
    if (said === 'gone') {
      await this.#end(latest, login.reviewer, { why: GONE });
      await this.#suspend(login.reviewer);
      return null;
    }
    const kept = gateway.vault.seal('state', keptRow(known.id), new TextEncoder().encode(said.tokens));
    const { identity, onlyInIdToken } = said;
    const next = { ...latest, identity, onlyInIdToken, kept, checkedAt: gateway.clock.now() };
    await personLogins.confirmed(next);
    return next;
  }

  /** The tokens of somebody whose account is over open nothing until they sign in again. */
  async #suspend(owner: string): Promise<void> {
    const { gateway, tokens } = this.#deps;
    const at = gateway.clock.now();
    const actor = actorOf({ id: owner });
    const ids = await tokens.suspend(owner, at, (stopped) => {
      return { ...NO_SUBJECT, type: 'token.suspended', at, actor, data: { ids: [...stopped], why: GONE } };
    });
    if (ids.length > 0) await gateway.storeWatch.tellSets();
  }

  /** Another replica asks: its answer counts here too. */
  async #foundByAnother(known: PersonLogin): Promise<PersonLogin | null> {
    for (let waited = 0; waited < CLAIM_MS / 2; waited += LOOK_MS) {
      await pause(LOOK_MS);
      const latest = await this.#deps.personLogins.find(known.id);
      if (latest === null || latest.checkedAt > known.checkedAt) return latest;
    }
    throw new Unavailable('provider', AWAY);
  }

  /** null: a secret that is no longer listed sealed them. */
  #tokensOf({ id, kept }: PersonLogin): string | null {
    try {
      return new TextDecoder().decode(this.#deps.gateway.vault.open('state', keptRow(id), kept));
    } catch {
      return null;
    }
  }
}
