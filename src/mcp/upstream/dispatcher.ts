import { type Client, type Dispatcher, Pool, ProxyAgent } from 'undici';

/**
 * A middlebox forgets an idle connection without a word, and a call may take any time, so nobody could tell a request that
 * was swallowed there from one that is worked on. So a connection that was idle for a second is not used again, whatever
 * the server offers; and while an answer is waited for, TCP asks every few seconds whether the other end is still there.
 */
const SHORT_IDLE = { keepAliveTimeout: 1_000, keepAliveMaxTimeout: 1_000 } as const;
const SIGN_OF_LIFE = { keepAlive: true, keepAliveInitialDelay: 5_000 } as const;

/** No time limit; one request on a connection at a time, in HTTP/2 too, so that none waits behind another. */
const EXCHANGES = { headersTimeout: 0, bodyTimeout: 0, pipelining: 1, ...SHORT_IDLE } as const;

/** Milliseconds that a proxy may take to open a tunnel to the server. */
const TUNNEL_MS = 30_000;

/** How a server's connections are made. */
export interface Way {
  /** The address of the HTTP proxy between, perhaps with user and password; null: none. */
  readonly proxy: string | null;
  readonly version: 'http/1.1' | 'h2';
}

/** Opens connections to one origin. Whoever has it destroys it. */
export function dispatcherFor(origin: string, { proxy, version }: Way): Dispatcher {
  const allowH2 = version === 'h2';
  const tls = { ...SIGN_OF_LIFE, allowH2 };
  if (proxy === null) return new Pool(origin, { ...EXCHANGES, allowH2, connect: tls });
  return new ProxyAgent({
    uri: proxy,
    ...EXCHANGES,
    allowH2,
    proxyTls: { ...SIGN_OF_LIFE, allowH2: false },
    requestTls: tls,
    clientFactory: (url, options) => new Pool(url, { ...options, headersTimeout: TUNNEL_MS, allowH2: false }),
    // What is passed on by the proxy itself, without a tunnel, is given no options of ours otherwise.
    factory: (url, options) => new Pool(url, { ...EXCHANGES, ...(options as Client.Options) }),
  });
}
