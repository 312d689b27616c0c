import { sameSecret } from '../../bytes/same-secret.ts';

const BEARER = /^Bearer +(\S+) *$/i;

/** Whether this Authorization header holds the admin token. */
export function isAdmin(authorization: string | undefined, adminToken: string | null): boolean {
  const presented = BEARER.exec(authorization ?? '')?.[1];
  if (adminToken === null || presented === undefined) return false;
  return sameSecret(presented, adminToken);
}
