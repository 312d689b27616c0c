import { NO_SUBJECT } from '../../domain/log/event.ts';
import { actorOf } from '../../domain/people/actor.ts';
import { rolesOf } from '../../domain/people/identity.ts';
import type { Role } from '../../domain/people/role.ts';
import type { ApiToken, ApiTokens } from '../../ports.ts';
import { DAY_MS } from '../../time/day.ts';
import type { Gateway } from '../gateway.ts';
import { newId } from '../id.ts';
import type { Directory } from './directory.ts';

/** What a token begins with, so that it is recognised where it should not be. */
export const TOKEN_PREFIX = 'hfp_';
export const MOST_TOKEN_DAYS = 90;
/** Days after the owner's last sign-in for which their tokens are good. */
export const VOUCHED_DAYS = 7;
/** Milliseconds within which the use of a token is one event. */
const USE_MS = 60 * 60_000;
const MOST_REMEMBERED = 5_000;

export interface TokenDeps {
  readonly gateway: Pick<Gateway, 'clock' | 'journal' | 'storeWatch' | 'vault'>;
  readonly tokens: ApiTokens;
  readonly directory: Pick<Directory, 'member'>;
}

export type MadeToken =
  /** `text`: the token itself, which is shown once. */
  { readonly kind: 'made'; readonly token: ApiToken } | { readonly kind: 'refused'; readonly why: string };

const FULL = {
  own_full: 'You have as many tokens as you may have. Revoke one first.',
  all_full:
    'There are as many tokens here as there may be, of all people together. An operator revokes those that are not needed.',
} as const;

/** Keeps a person's new token. `text`: 256 random bits after the prefix; only its keyed digest is kept. */
export async function keepPersonalToken(
  { gateway, tokens, directory }: TokenDeps,
  owner: string,
  asked: { readonly name: string; readonly role: Role; readonly days: number; readonly text: string },
): Promise<MadeToken> {
  const at = gateway.clock.now();
  const member = directory.member(owner);
  if (member === null || !rolesOf(member.sources).has(asked.role)) {
    const why = `A token can have only roles that people in the config gives you: a claim of the provider is not known while you are away. Yours: ${member === null ? 'none' : [...rolesOf(member.sources)].join(', ')}.`;
    return { kind: 'refused', why };
  }
  const token: ApiToken = {
    ...{ id: newId('tk', at), digest: gateway.vault.digest('console', tokenText(asked.text)), owner },
    ...{ name: asked.name, role: asked.role, at, endsAt: new Date(at.getTime() + asked.days * DAY_MS) },
    ...{ revokedAt: null, revokedBy: null, vouchedAt: at },
  };
  const data = { id: token.id, name: token.name, role: token.role, expires: token.endsAt.toISOString() };
  const added = await tokens.add(token, { ...NO_SUBJECT, type: 'token.made', at, actor: actorOf({ id: owner }), data });
  if (added !== 'added') return { kind: 'refused', why: FULL[added] };
  await gateway.storeWatch.tellSets();
  return { kind: 'made', token };
}

/** Revokes a token. `whose` null: anybody's, for operators. null: there is none, or it is over already. */
export async function revokeToken(
  { gateway, tokens }: Pick<TokenDeps, 'gateway' | 'tokens'>,
  id: string,
  by: string,
  whose: string | null,
): Promise<ApiToken | null> {
  const found = (await tokens.list(whose)).find((token) => token.id === id);
  if (found === undefined) return null;
  const at = gateway.clock.now();
  const data = { id, name: found.name, owner: found.owner, role: found.role };
  const event = { ...NO_SUBJECT, type: 'token.revoked', at, actor: actorOf({ id: by }), data } as const;
  const revoked = await tokens.revoke(id, by, at, event);
  if (revoked !== null) await gateway.storeWatch.tellSets();
  return revoked;
}

/** Whose token a text is, and what it may do now. */
export interface TokenHolder {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly token: string;
}

interface TokenHolderDeps extends TokenDeps {
  readonly gateway: TokenDeps['gateway'] & Pick<Gateway, 'reviewerGuesses'>;
}

/** Whether a token opens anything: it is not over, and its owner has signed in within the last days. */
export function isGood({ revokedAt, endsAt, vouchedAt }: ApiToken, now: Date): boolean {
  if (revokedAt !== null || now >= endsAt || vouchedAt === null) return false;
  return now.getTime() < vouchedAt.getTime() + VOUCHED_DAYS * DAY_MS;
}

/** Finds the holders of tokens, and notes their use: an event an hour for each. */
export class TokenHolders {
  readonly #deps: TokenHolderDeps;
  /** When the use of a token was noted last, in ms. */
  readonly #noted = new Map<string, number>();
  /** Digests of tokens that were good when they were used last. */
  readonly #known = new Set<string>();

  constructor(deps: TokenHolderDeps) {
    this.#deps = deps;
  }

  /**
   * null: it is nobody's, over, or its owner has that role no more, or has not signed in lately. Where too many wrong ones
   * came from this address, one that was not used here before is not looked up.
   */
  async holder(text: string, from: string | null): Promise<TokenHolder | null> {
    const { gateway, tokens, directory } = this.#deps;
    const digests = gateway.vault.digests('console', tokenText(text));
    const isKnown = digests.some((digest) => this.#known.has(digest));
    if (!isKnown && gateway.reviewerGuesses.isOver(from)) return null;
    const found = await tokens.find(digests);
    const now = gateway.clock.now();
    if (found === null || !isGood(found, now)) return null;
    this.#remember(found.digest);
    const member = directory.member(found.owner);
    if (member === null || !rolesOf(member.sources).has(found.role)) return null;
    this.#note(found, now, from);
    return { id: found.owner, name: member.name, role: found.role, token: found.id };
  }

  #remember(digest: string): void {
    this.#known.delete(digest);
    this.#known.add(digest);
    if (this.#known.size > MOST_REMEMBERED) this.#known.delete(this.#known.keys().next().value!);
  }

  #note({ id, owner, name, role }: ApiToken, at: Date, from: string | null): void {
    const last = this.#noted.get(id);
    const now = at.getTime();
    if (last !== undefined && now >= last && now - last < USE_MS) return;
    if (this.#noted.size >= MOST_REMEMBERED) this.#noted.clear();
    this.#noted.set(id, now);
    const data = { id, name, role, from, withinMs: USE_MS };
    this.#deps.gateway.journal.note({ ...NO_SUBJECT, type: 'token.used', at, actor: actorOf({ id: owner }), data });
  }
}

/** What a token's digest is made of: changing this text ends all tokens. */
function tokenText(text: string): string {
  return `token ${text}`;
}
