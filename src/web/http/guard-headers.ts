import type { MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';

const secure = secureHeaders({
  // Nothing from elsewhere, no inline script or style, framed by nobody, forms only to us.
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
  // Not `no-referrer`: that would make the Origin of forms `null`.
  referrerPolicy: 'same-origin',
  // Whoever terminates TLS says for how long the name is TLS only.
  strictTransportSecurity: false,
});

/** On every answer of the console: the headers that confine its pages, and no copy in any cache. */
export const guardHeaders: MiddlewareHandler = async (c, next) => {
  c.header('cache-control', 'no-store');
  return secure(c, next);
};
