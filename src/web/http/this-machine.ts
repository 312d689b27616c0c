import type { Context } from 'hono';
import { remoteAddress } from './remote-address.ts';

/** Headers that proxies add: such a request comes from elsewhere, even when its socket is local. */
const FORWARDED =
  /^(x-forwarded|x-original|x-envoy|x-amzn?|x-azure|x-arr|x-appengine|cf|cdn|fastly|fly|akamai)-|^(forwarded|via|x-forwarded|x-real-ip|x-client-ip|x-cluster-client-ip|x-proxyuser-ip|true-client-ip|wl-proxy-client-ip|max-forwards|proxy-connection)$/;
const LOOPBACK = /^(::ffff:)?127\.\d+\.\d+\.\d+$|^::1$/;
const LOOPBACK_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/;

/**
 * Whether a process on this machine asks, and not somebody elsewhere through a proxy or a browser's page. Judged by the
 * socket's other end, which cannot be forged, and by what proxies and browsers give themselves away with:
 *
 * | sign | who |
 * |---|---|
 * | a header of `FORWARDED` | a proxy |
 * | HTTP/1.0 | a proxy in its plainest form, which adds no header |
 * | a Host that is not loopback, or not ours | a proxy that passes it on; DNS rebinding |
 * | an Origin, or Sec-Fetch-Site `cross-site` | a page in a browser |
 */
export function isFromThisMachine(c: Context, ourHosts: ReadonlySet<string>): boolean {
  return c.req.header('origin') === undefined && isAskedHere(c, ourHosts);
}

/** The same where a page of our own may ask: whoever calls this judges the Origin. */
export function isAskedHere(c: Context, ourHosts: ReadonlySet<string>): boolean {
  if (!LOOPBACK.test(remoteAddress(c) ?? '') || httpVersion(c) === '1.0') return false;
  const headers = c.req.header();
  if (Object.keys(headers).some((name) => FORWARDED.test(name))) return false;
  if (headers['sec-fetch-site'] === 'cross-site') return false;
  const host = (headers.host ?? '').toLowerCase();
  return LOOPBACK_HOST.test(host) && ourHosts.has(host);
}

/** Whether a host name or address means this machine, and nothing else can reach what listens there. */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase();
  return LOOPBACK_HOST.test(name) || LOOPBACK.test(name);
}

function httpVersion(c: Context): string | undefined {
  return (c.env as { incoming?: { httpVersion?: string } } | undefined)?.incoming?.httpVersion;
}
