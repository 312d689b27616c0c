import type { MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';

const secure = secureHeaders({
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
  xFrameOptions: 'DENY',
  // Not `no-referrer`, which would make the Origin of our own forms `null`.
  referrerPolicy: 'same-origin',
  // HSTS is up to whoever terminates TLS.
  strictTransportSecurity: false,
});

/** For every response of the console: the headers that confine its pages, and `no-store`. */
export const securityHeaders: MiddlewareHandler = async (c, next) => {
  c.header('cache-control', 'no-store');
  return secure(c, next);
};
