import { sameSecret } from '../../bytes/same-secret.ts';

const BEARER = /^Bearer +(\S+) *$/i;

/** The token of a Bearer header; undefined: it is none. */
export function bearerIn(authorization: string | undefined): string | undefined {
  return BEARER.exec(authorization ?? '')?.[1];
}

/** Whether this Authorization header carries the admin token; never when no token is set. */
export function isAdmin(authorization: string | undefined, adminToken: string | null): boolean {
  const presented = bearerIn(authorization);
  return adminToken !== null && presented !== undefined && sameSecret(presented, adminToken);
}
