import { Agent, type Dispatcher, ProxyAgent, setGlobalDispatcher } from 'undici';
import { type Proxies, proxyFor } from '../../config/proxies.ts';

/**
 * Connections to any HTTP server, each through the proxy that is named for it, or without one. `tunnel`: what is not
 * encrypted goes through a tunnel as well, as WebSockets need it.
 */
export function waysOut(proxies: Proxies, { tunnel = false } = {}): Dispatcher {
  const agents = new Map<string, ProxyAgent>();
  const through = (proxy: string): ProxyAgent => {
    const known = agents.get(proxy);
    if (known !== undefined) return known;
    const plain = { allowH2: false } as const;
    const made = new ProxyAgent({ uri: proxy, ...plain, proxyTls: plain, requestTls: plain, proxyTunnel: tunnel });
    agents.set(proxy, made);
    return made;
  };
  return new Agent({ allowH2: false }).compose((direct) => (options, handler) => {
    const proxy = options.origin === undefined ? null : proxyFor(proxies, options.origin);
    return proxy === null ? direct(options, handler) : through(proxy).dispatch(options, handler);
  });
}

/**
 * From now on every `fetch` of this process takes these ways: Slack's methods, the collector of events, lists of tools.
 * Without proxies nothing changes.
 */
export function takeWaysOut(proxies: Proxies): void {
  if (hasProxies(proxies)) setGlobalDispatcher(waysOut(proxies));
}

/** Whether any address is reached through a proxy. */
export function hasProxies({ http, https }: Proxies): boolean {
  return http !== null || https !== null;
}
