import { sameSecret } from '../../bytes/same-secret.ts';

const BEARER = /^Bearer +(\S+) *$/i;

/** Whether this Authorization header carries the admin token; never when no token is set. */
export function isAdmin(authorization: string | undefined, adminToken: string | null): boolean {
  const presented = BEARER.exec(authorization ?? '')?.[1];
  return adminToken !== null && presented !== undefined && sameSecret(presented, adminToken);
}
