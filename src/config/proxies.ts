import { type Environment, inEnvironment, type ReportFault } from './environment.ts';

/** The proxies through which this process reaches HTTP servers. Their addresses may hold a password. */
export interface Proxies {
  /** For `http:` addresses; null: none. */
  readonly http: string | null;
  /** For `https:` addresses; null: none. */
  readonly https: string | null;
  /** What is reached without them. */
  readonly except: readonly ProxyException[];
}

/** One entry of `NO_PROXY`. */
export interface ProxyException {
  /** In lower case, without brackets; `*`: every host. */
  readonly host: string;
  /** Null: every port. */
  readonly port: number | null;
  /** The host's own name counts, and not only names below it. */
  readonly self: boolean;
}

const FORM = 'http://host:port, https://host:port, or either with user:password@ before the host';

/**
 * Reads `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` as curl and Node do: the name in lower case counts first, an address
 * without a scheme is of `http`, and a proxy for `http` is used for `https` as well where none is named for that.
 */
export function readProxies(env: Environment, wrong: ReportFault): Proxies {
  const given = (name: string): { readonly name: string; readonly text: string } | null => {
    for (const spelling of [name.toLowerCase(), name]) {
      const text = inEnvironment(env, spelling)?.trim();
      if (text) return { name: spelling, text };
    }
    return null;
  };
  const addressOf = (name: string): string | null => {
    const found = given(name);
    if (found === null) return null;
    const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(found.text) ? found.text : `http://${found.text}`;
    if (isProxyAddress(address)) return address;
    wrong(found.name, 'is not the address of an HTTP proxy', FORM);
    return null;
  };
  const http = addressOf('HTTP_PROXY');
  const entries = (given('NO_PROXY')?.text ?? '').split(/[\s,]+/).filter((entry) => entry !== '');
  return { http, https: addressOf('HTTPS_PROXY') ?? http, except: entries.map(exceptionOf) };
}

/** The proxy for an HTTP address; null: it is reached without one. */
export function proxyFor({ http, https, except }: Proxies, url: string | URL): string | null {
  const { protocol, hostname, port } = new URL(url);
  const isSecure = protocol === 'https:' || protocol === 'wss:';
  const proxy = isSecure ? https : http;
  if (proxy === null) return null;
  const host = hostname
    .replace(/^\[(.+)\]$/, '$1')
    .replace(/(.)\.$/, '$1')
    .toLowerCase();
  const at = port === '' ? (isSecure ? 443 : 80) : Number(port);
  const isException = except.some((one) => {
    if (one.port !== null && one.port !== at) return false;
    return one.host === '*' || (one.self && host === one.host) || host.endsWith(`.${one.host}`);
  });
  return isException ? null : proxy;
}

/** The same, but this address is reached without a proxy. */
export function sparing(proxies: Proxies, host: string, port: number): Proxies {
  return { ...proxies, except: [...proxies.except, { host: host.toLowerCase(), port, self: true }] };
}

/** Whether this address is of this machine and reached through a proxy all the same, which is hardly ever meant. */
export function isLostLoopback(proxies: Proxies, url: string): boolean {
  if (!URL.canParse(url) || proxyFor(proxies, url) === null) return false;
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname);
}

/** The proxies as people may see them: each once, without user and password. */
export function shownProxies({ http, https }: Proxies): readonly string[] {
  const shown = [http, https].flatMap((address) => {
    if (address === null) return [];
    const { protocol, host } = new URL(address);
    return [`${protocol}//${host}`];
  });
  return [...new Set(shown)];
}

/** Whether a variable's value names a proxy with a password, or a user, in it. */
export function isProxyWithUser(name: string, value: string): boolean {
  return /^https?_proxy$/i.test(name) && value.includes('@');
}

function isProxyAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname, search, hash, username, password } = new URL(text);
  const isDecodable = [username, password].every((part) => !/%(?![0-9a-f]{2})/i.test(part));
  const isBare = pathname === '/' && search === '' && hash === '';
  return /^https?:$/.test(protocol) && hostname !== '' && isBare && isDecodable;
}

function exceptionOf(entry: string): ProxyException {
  const parts = /^\[(.+)\](?::(\d+))?$/.exec(entry) ?? /^([^:]+):(\d+)$/.exec(entry) ?? ['', entry, undefined];
  const [, host = '', port] = parts;
  const isBelow = host.startsWith('*.');
  return {
    host:
      host === '*'
        ? '*'
        : host
            .replace(/^\*?\./, '')
            .replace(/(.)\.$/, '$1')
            .toLowerCase(),
    port: port === undefined ? null : Number(port),
    self: !isBelow,
  };
}
