import * as client from 'openid-client';
import { TOKEN_ALGORITHMS } from '../domain/people/access-token.ts';
import type { Clock, ProviderTerms } from '../ports.ts';
import { boundedFetch } from './bounded-fetch.ts';

/** Seconds that the provider may take for one answer. */
export const TIMEOUT_S = 10;
/** Seconds by which the clocks may differ. */
export const CLOCK_TOLERANCE_S = 60;
/** Milliseconds for which what the provider says of itself is kept. */
const DISCOVERY_MS = 60 * 60_000;
/** Milliseconds for which a provider that did not say it is not asked for it again. */
export const FAILED_MS = 5_000;

type Keys = Parameters<typeof client.setJwksCache>[1];

interface Discovered {
  readonly key: string;
  /** In ms, by this machine's clock. */
  readonly at: number;
  readonly metadata: client.ServerMetadata;
  /** The provider's keys, as they were asked for last. */
  keys: Keys | null;
}

interface Asking {
  readonly key: string;
  readonly found: Promise<Discovered>;
  /** In ms; null: it has not failed. */
  failedAt: number | null;
}

/** The client of the provider that the config names now. */
export interface ClientNow {
  readonly terms: ProviderTerms;
  readonly config: client.Configuration;
  /** This gateway's time. */
  readonly now: Date;
  /** Keeps the keys that were fetched meanwhile for the next one. */
  keep(): void;
}

/** Makes clients of the provider, which is asked for what it is once an hour. */
export class ProviderClients {
  readonly #terms: () => ProviderTerms | null;
  readonly #clock: Clock;
  #known: Discovered | null = null;
  /** What is under way, or failed lately. */
  #asked: Asking | null = null;

  constructor(terms: () => ProviderTerms | null, clock: Clock) {
    this.#terms = terms;
    this.#clock = clock;
  }

  get terms(): ProviderTerms | null {
    return this.#terms();
  }

  /** Rejects as `openid-client` does. null: the config names no provider. `until`: when what is done with it is aborted. */
  async client(until: AbortSignal | null = null): Promise<ClientNow | null> {
    const terms = this.#terms();
    if (terms === null) return null;
    const known = await this.#discovered(terms);
    const now = this.#clock.now();
    const metadata: Partial<client.ClientMetadata> = {
      // Deadlines are by the database's clock (decision 40), and this machine's may differ from it.
      [client.clockSkew]: Math.round((now.getTime() - Date.now()) / 1_000),
      [client.clockTolerance]: CLOCK_TOLERANCE_S,
    };
    const auth = authentication(terms, known.metadata);
    const config = new client.Configuration(known.metadata, terms.clientId, metadata, auth);
    config.timeout = TIMEOUT_S;
    config[client.customFetch] = boundedFetch(until);
    // The signature is checked although the token comes over TLS.
    client.enableNonRepudiationChecks(config);
    if (isPlain(terms)) client.allowInsecureRequests(config);
    if (known.keys !== null) client.setJwksCache(config, known.keys);
    const keep = (): void => {
      known.keys = client.getJwksCache(config) ?? known.keys;
    };
    return { terms, config, now, keep };
  }

  async #discovered(terms: ProviderTerms): Promise<Discovered> {
    const key = JSON.stringify([terms.issuer, terms.clientId]);
    const known = this.#known?.key === key ? this.#known : null;
    const at = Date.now();
    if (known !== null && at >= known.at && at - known.at < DISCOVERY_MS) return known;
    try {
      return await this.#ask(key, terms);
    } catch (error) {
      if (known === null) throw error;
      return known;
    }
  }

  /** However many want to know: the provider is asked once at a time, and not again right after it failed. */
  #ask(key: string, terms: ProviderTerms): Promise<Discovered> {
    const before = this.#asked;
    const since = typeof before?.failedAt === 'number' ? Date.now() - before.failedAt : null;
    if (before?.key === key && (since === null || (since >= 0 && since < FAILED_MS))) return before.found;
    const at = Date.now();
    const found = discover(terms).then((metadata) => {
      const keys = this.#known?.key === key ? this.#known.keys : null;
      this.#known = { key, at, metadata, keys };
      return this.#known;
    });
    const asked: Asking = { key, found, failedAt: null };
    this.#asked = asked;
    found.then(
      () => {
        if (this.#asked === asked) this.#asked = null;
      },
      () => {
        asked.failedAt = Date.now();
      },
    );
    return found;
  }
}

async function discover(terms: ProviderTerms): Promise<client.ServerMetadata> {
  const execute = isPlain(terms) ? [client.allowInsecureRequests] : [];
  const found = await client.discovery(new URL(terms.issuer), terms.clientId, undefined, client.None(), {
    execute,
    [client.customFetch]: boundedFetch(),
    timeout: TIMEOUT_S,
  });
  const { supportsPKCE: _, ...metadata } = found.serverMetadata();
  const offered = metadata.id_token_signing_alg_values_supported ?? ['RS256'];
  return {
    ...metadata,
    id_token_signing_alg_values_supported: offered.filter((alg) => TOKEN_ALGORITHMS.includes(alg)),
  };
}

/** The config takes plain http for this machine only. */
function isPlain({ issuer }: ProviderTerms): boolean {
  return issuer.startsWith('http:');
}

/** In the header where the provider takes it there, which is also what it does where it does not say. */
function authentication({ clientSecret }: ProviderTerms, metadata: client.ServerMetadata): client.ClientAuth {
  if (clientSecret === null) return client.None();
  const taken = metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  return taken.includes('client_secret_basic')
    ? client.ClientSecretBasic(clientSecret)
    : client.ClientSecretPost(clientSecret);
}
