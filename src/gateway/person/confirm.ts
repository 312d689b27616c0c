import { NO_SUBJECT } from '../../domain/log/event.ts';
import { loginMark } from '../../domain/log/marks.ts';
import { actorOf } from '../../domain/people/actor.ts';
import {
  type IdentityProvider,
  type Login,
  type Logins,
  type PersonLogin,
  Unavailable,
  type Vouched,
} from '../../ports.ts';
import { pause } from '../../time/pause.ts';
import { accountText, type KnownStanding, keptRow, type SignInDeps } from './sign-in.ts';

export interface ConfirmDeps extends SignInDeps {
  readonly logins: Pick<Logins, 'end'>;
  readonly provider: IdentityProvider;
}

/** Milliseconds for which one replica asks alone. Longer than the provider may take for two answers. */
const CLAIM_MS = 25_000;
/** Milliseconds between two looks at what another one finds. */
const LOOK_MS = 200;

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
    const now = gateway.clock.now().getTime();
    const at = known.checkedAt.getTime();
    const recheckMs = directory.provider()?.recheckMs ?? 0;
    const fresh = now >= at && now - at < recheckMs ? known : await this.#askOnce(known);
    if (fresh === null) return null;
    const standing = directory.standing(fresh.identity);
    if (standing.kind === 'refused') {
      await this.#end(fresh, login.reviewer, standing.why);
      return null;
    }
    return { standing, name: fresh.identity.name };
  }

  /** Ends a login that is over, and lets the provider forget its tokens. */
  async #end(known: PersonLogin, reviewer: string, why: string): Promise<void> {
    const { gateway, logins, provider } = this.#deps;
    const data = { login: loginMark(known.id), why };
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

  #askOnce(known: PersonLogin): Promise<PersonLogin | null> {
    const under = this.#asking.get(known.id);
    if (under !== undefined) return under;
    const asking = this.#ask(known).finally(() => this.#asking.delete(known.id));
    this.#asking.set(known.id, asking);
    return asking;
  }

  async #ask(known: PersonLogin): Promise<PersonLogin | null> {
    const { gateway, personLogins, provider, directory } = this.#deps;
    if (!(await personLogins.claim(known.id, CLAIM_MS))) return this.#foundByAnother(known);
    // Another one may have asked between the read and the claim, and a refresh token is good once.
    const latest = await personLogins.find(known.id);
    if (latest === null) return null;
    if (latest.checkedAt > known.checkedAt) {
      await personLogins.release(known.id);
      return latest;
    }
    const tokens = this.#tokensOf(latest);
    const { identity, session } = latest;
    let said: Vouched | 'gone';
    try {
      said = tokens === null ? 'gone' : await provider.again({ identity, session, tokens });
    } catch (error) {
      await personLogins.release(known.id);
      throw error;
    }
    if (said === 'gone') {
      const standing = directory.standing(identity);
      const reviewer = standing.kind === 'known' ? standing.id : `sub:${identity.subject}`;
      await this.#end(latest, reviewer, 'the provider no longer vouches for this session');
      return null;
    }
    const kept = gateway.vault.seal('state', keptRow(known.id), new TextEncoder().encode(said.tokens));
    const next = { ...latest, identity: said.identity, kept, checkedAt: gateway.clock.now() };
    await personLogins.confirmed(next);
    return next;
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
