import { createLocalJWKSet, type JSONWebKeySet, type JWK } from 'jose';
import { isObject, type JsonObject } from '../domain/json/json.ts';
import { Unavailable } from '../ports.ts';
import { type FetchedJson, fetchJson, isSafe } from './fetch-json.ts';

/** Milliseconds for which keys are used without asking again. */
const FRESH_MS = 5 * 60_000;
/** Milliseconds after which keys are too old: the provider has been away too long to know whether it took one back. */
export const KEYS_OLD_MS = 60 * 60_000;
/** Milliseconds between two requests for keys: tokens with made-up names of keys must not make us ask for each. */
const AGAIN_MS = 30_000;
/** Milliseconds after which a provider that did not answer is asked again, where nothing is known of it. */
const RETRY_MS = 5_000;
const MOST_KEYS = 100;

/** The provider's keys as they were fetched last. */
export interface KeySet {
  readonly find: ReturnType<typeof createLocalJWKSet>;
  readonly keys: readonly JWK[];
  /** By the steady clock, in ms. */
  readonly at: number;
  readonly metadata: JsonObject;
  /** The provider's clock when it answered; null: it told none. */
  readonly date: Date | null;
}

/**
 * The signing keys of one issuer. They are found by its discovery document (OpenID Connect Discovery, RFC 8414), kept, and
 * fetched again after 5 minutes, or at a key that is not among them, once in 30 seconds at most. While the provider is away the
 * last ones serve for an hour; then nothing is accepted.
 */
export class ProviderKeys {
  readonly issuer: string;
  readonly #steady: () => number;
  #known: KeySet | null = null;
  #asking: Promise<KeySet> | null = null;
  #askedAt = Number.NEGATIVE_INFINITY;
  #trouble: Error | null = null;

  /** `steady`: milliseconds that no one sets back. */
  constructor(issuer: string, steady: () => number) {
    this.issuer = issuer;
    this.#steady = steady;
  }

  /** Throws `Unavailable('provider')`: there are none, or they are too old. */
  async current(): Promise<KeySet> {
    const known = this.#known;
    const age = known === null ? Number.POSITIVE_INFINITY : this.#steady() - known.at;
    if (known !== null && age < FRESH_MS) return known;
    const isUsable = known !== null && age < KEYS_OLD_MS;
    // Nobody waits for what is only brought up to date.
    if (isUsable) {
      if (this.#mayAsk(AGAIN_MS)) void this.#ask().catch(() => undefined);
      return known;
    }
    if (this.#asking === null && !this.#mayAsk(RETRY_MS)) throw this.#away();
    return this.#ask().catch(() => {
      throw this.#away();
    });
  }

  /** Those after a key was not found; the same where they were asked for a moment ago. */
  async newer(than: KeySet): Promise<KeySet> {
    if (this.#known !== than && this.#known !== null) return this.#known;
    if (this.#asking === null && !this.#mayAsk(AGAIN_MS)) return than;
    return this.#ask().catch(() => than);
  }

  /** Asks now. Rejects with what is wrong. */
  async look(): Promise<KeySet> {
    return this.#ask();
  }

  #mayAsk(every: number): boolean {
    return this.#asking === null && this.#steady() - this.#askedAt >= every;
  }

  #ask(): Promise<KeySet> {
    this.#asking ??= this.#fetch().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #fetch(): Promise<KeySet> {
    this.#askedAt = this.#steady();
    try {
      const { json: metadata, date } = await discover(this.issuer);
      const uri = metadata.jwks_uri;
      if (typeof uri !== 'string' || !isSafe(uri)) throw new Error('its discovery document has no jwks_uri with https');
      const answer = await fetchJson(uri);
      if (answer === null) throw new Error('its jwks_uri answered 404');
      const keys = signingKeys(answer.json);
      if (keys.length === 0) throw new Error('its jwks_uri has no key that signs');
      const set = { keys: [...keys] } as JSONWebKeySet;
      this.#known = { find: createLocalJWKSet(set), keys, at: this.#steady(), metadata, date };
      this.#trouble = null;
      return this.#known;
    } catch (error) {
      this.#trouble = error instanceof Error ? error : new Error(String(error));
      throw this.#trouble;
    }
  }

  #away(): Unavailable {
    const why = this.#trouble?.message ?? 'it does not answer';
    return new Unavailable('provider', `${this.issuer}: ${why}`, { cause: this.#trouble });
  }
}

/** The issuer must say of itself that it is this one: else it speaks for another. */
async function discover(issuer: string): Promise<FetchedJson> {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const places = [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
  ];
  for (const place of new Set(places)) {
    const found = await fetchJson(place);
    if (found === null) continue;
    if (found.json.issuer === issuer) return found;
    throw new Error('its discovery document names another issuer; oauth.issuer must be the same text');
  }
  throw new Error('it has no discovery document (.well-known/openid-configuration)');
}

const KINDS: ReadonlySet<unknown> = new Set(['RSA', 'EC', 'OKP']);

/** What may verify a signature: no shared secret, nothing that is for encryption, nothing private. */
function signingKeys({ keys }: JsonObject): JWK[] {
  if (!Array.isArray(keys)) return [];
  return keys
    .slice(0, MOST_KEYS)
    .filter((key): key is JsonObject => isObject(key) && KINDS.has(key.kty) && key.use !== 'enc')
    .map(({ d: _, p: __, q: ___, dp: ____, dq: _____, qi: ______, oth: _______, ...open }) => open as JWK);
}
