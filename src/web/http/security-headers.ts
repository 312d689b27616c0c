import type { MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';

/** What every answer has, whatever it is. HSTS is up to whoever terminates TLS. */
const COMMON = { xFrameOptions: 'DENY', strictTransportSecurity: false } as const;

const forPages = secureHeaders({
  ...COMMON,
  // Nothing from other origins, no inline script or style, no framing, forms only to this origin.
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    connectSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
    baseUri: ["'none'"],
  },
  // Not `no-referrer`, which would make the Origin of our own forms `null`.
  referrerPolicy: 'same-origin',
});

/** Something that is not a page: where a browser shows it all the same, it can load, run and send nothing. */
const forData = secureHeaders({
  ...COMMON,
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
    baseUri: ["'none'"],
    sandbox: [],
  },
  referrerPolicy: 'no-referrer',
});

/** For every response of the console: the headers that confine its pages, and `no-store`. */
export const securityHeaders: MiddlewareHandler = async (c, next) => {
  c.header('cache-control', 'no-store');
  return forPages(c, next);
};

/**
 * For every response of any door but the agents', errors included: no cache keeps it, no browser takes it for something
 * else or runs anything in it. A door that sets its own keeps them.
 */
export const dataHeaders: MiddlewareHandler = async (c, next) => {
  await next();
  if (c.res.headers.has('content-security-policy')) return;
  if (!c.res.headers.has('cache-control')) c.header('cache-control', 'no-store');
  await forData(c, async () => undefined);
};
