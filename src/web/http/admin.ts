import { createHash, timingSafeEqual } from 'node:crypto';

const BEARER = /^Bearer +(\S+) *$/i;

/** Whether this Authorization header holds the admin token. Digests are compared, in constant time, whatever their lengths. */
export function isAdmin(authorization: string | undefined, adminToken: string | null): boolean {
  const presented = BEARER.exec(authorization ?? '')?.[1];
  if (adminToken === null || presented === undefined) return false;
  return timingSafeEqual(digest(presented), digest(adminToken));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
