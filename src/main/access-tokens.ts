import { agentStandingOf, withoutPerson } from '../config/agent-standing.ts';
import type { Loaded } from '../config/load.ts';
import type { Principal } from '../domain/call/call.ts';
import type { AgentAccount, TokenFault } from '../domain/people/access-token.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { AccessTokenDoor, AgentAdmission } from '../mcp/door/entrance.ts';
import { agentTokens } from '../oauth/agent-tokens.ts';
import { type AgentTokenTerms, type PersonLogins, type Seals, Unavailable } from '../ports.ts';
import { sqlPersonLogins } from '../sql/person-logins.ts';
import type { Beliefs } from '../sql/sets/beliefs.ts';
import { accountCredential, accountTokenIn, type LiveRules } from './rules/live-rules.ts';
import type { Runtime } from './runtime.ts';

/** Milliseconds of a token's life from which on the log says that the provider makes long ones. */
const LONG_MS = 60 * 60_000;
/** Accounts of whose addresses it is remembered for a minute whether they own them. */
const MOST_ADDRESSES = 5_000;
const ADDRESS_MS = 60_000;
/** Milliseconds until the log says again that tokens cannot be judged. */
const SAY_AGAIN_MS = 60_000;

/** What somebody sends who tries. Others were good once, or are for another door, and their senders must learn of that. */
const GUESSES: ReadonlySet<TokenFault> = new Set(['form', 'algorithm', 'crit', 'duplicate', 'signature', 'unknown']);

/** Agents with access tokens, by the provider and the people of the config that is in force. */
export function accessTokenDoor(
  { storage, clock, steady, log }: Pick<Runtime, 'clock' | 'log' | 'steady' | 'storage'>,
  seals: Seals,
  beliefs: Beliefs,
  gateway: Pick<Gateway, 'clock'>,
  rules: LiveRules,
): AccessTokenDoor & { stands(credential: string): boolean } {
  const tokens = agentTokens(() => agentTokenTerms(rules.loaded), { clock, steady });
  const addresses = new Addresses(sqlPersonLogins(storage.connection.db, seals, beliefs), () => steady.now().getTime());
  const unjudged = new OnceAMinute();
  let saidLong = false;
  const admit = async (token: string, resource: string): Promise<AgentAdmission> => {
    const read = await tokens.read(token, resource);
    if (read.kind === 'refused') return { ...read, guessed: GUESSES.has(read.fault) };
    const { account, digest } = read;
    const standing = agentStandingOf(rules.loaded.config, account);
    if (standing.kind !== 'known') return { kind: 'forbidden', fault: standing.kind, why: standing.why };
    const { grant, by } = standing;
    if (!rules.isOpen(grant)) {
      const why = 'The grant of this account was revoked, or has expired. Ask the operator of this gateway.';
      return { kind: 'forbidden', fault: 'no_grant', why };
    }
    const isAnothers = by === 'email' && !(await addresses.owns(account, gateway.clock.now()));
    const principal = isAnothers ? withoutPerson(standing.principal) : standing.principal;
    const asks = rules.loaded.config.oauth?.introspection;
    if (account.lifetimeMs > LONG_MS && !asks && !saidLong) {
      saidLong = true;
      const minutes = Math.round(account.lifetimeMs / 60_000);
      log.warn(
        { issuer: account.issuer, minutes },
        'access tokens of agents live long: whoever is dismissed goes on until theirs ends',
      );
    }
    return {
      kind: 'admitted',
      grant,
      ...lasting(principal, account, digest, rules),
      about: aboutOf(principal, account),
    };
  };
  return {
    provider: () => {
      const { oauth } = rules.loaded.config;
      return oauth
        ? { issuer: oauth.issuer, scopes: oauth.scopes, opaque: oauth.introspection?.opaque === true }
        : null;
    },
    stands: (credential) => {
      const digest = accountTokenIn(credential);
      return digest === null || tokens.stands(digest);
    },
    admit: (token, resource) =>
      admit(token, resource).catch((error: unknown) => {
        if (!(error instanceof Unavailable)) throw error;
        if (unjudged.says(steady.now().getTime()))
          log.error({ part: error.part, why: error.message }, 'access tokens could not be judged');
        const why =
          error.part === 'provider'
            ? `the provider ${plain(error.message)}`
            : `the gateway's ${error.part} does not answer`;
        return { kind: 'unavailable', why };
      }),
  };
}

/** What is asked of access tokens as the config has it now; null: none are taken. */
export function agentTokenTerms({
  config: { oauth },
  secrets,
}: Pick<Loaded, 'config' | 'secrets'>): AgentTokenTerms | null {
  if (!oauth) return null;
  const { issuer, audience, longestMs, introspection } = oauth;
  const clientSecret = secrets.oauthClientSecret ?? null;
  return { issuer, audience, longestMs, introspection: introspection ? { ...introspection, clientSecret } : null };
}

/**
 * A stream that listens ends with the token, and everything once the provider takes it back, where it is asked. What was begun with a good token may end later: as long after it as a call is held
 * at most.
 */
function lasting(principal: Principal, { expiresAt }: AgentAccount, digest: string, rules: LiveRules) {
  const until = expiresAt.getTime();
  const { progressMs } = rules.loaded.config.approval.hold;
  return {
    principal,
    credential: accountCredential(principal, until + progressMs, digest),
    listening: accountCredential(principal, until, digest),
  };
}

function aboutOf({ owner }: Principal, { issuer, subject, lifetimeMs }: AgentAccount) {
  return { issuer, subject, owner, lifetimeS: Math.round(lifetimeMs / 1_000) };
}

/** A header and a line of JSON can hold it. */
function plain(text: string): string {
  return text.replace(/[^\x20-\x7e]|"|\\/g, '?').slice(0, 300);
}

/** Anybody can send tokens that cannot be judged, and the log is no place for all of them. */
class OnceAMinute {
  #saidAt: number | null = null;

  /** `now`: in ms, of a clock that never goes back. */
  says(now: number): boolean {
    if (this.#saidAt !== null && now - this.#saidAt < SAY_AGAIN_MS) return false;
    this.#saidAt = now;
    return true;
  }
}

/** Which account an address belongs to: the first that came with it, at the console or here. */
class Addresses {
  readonly #logins: Pick<PersonLogins, 'holdEmail'>;
  readonly #now: () => number;
  readonly #known = new Map<string, { readonly owns: boolean; readonly until: number }>();

  constructor(logins: Pick<PersonLogins, 'holdEmail'>, now: () => number) {
    this.#logins = logins;
    this.#now = now;
  }

  async owns({ issuer, subject, email }: AgentAccount, at: Date): Promise<boolean> {
    if (email === null) return false;
    const key = JSON.stringify([issuer, subject, email]);
    const known = this.#known.get(key);
    if (known !== undefined && this.#now() < known.until) return known.owns;
    const owns = (await this.#logins.holdEmail(email, { issuer, subject }, at)) === 'held';
    if (this.#known.size >= MOST_ADDRESSES) this.#known.clear();
    this.#known.set(key, { owns, until: this.#now() + ADDRESS_MS });
    return owns;
  }
}
