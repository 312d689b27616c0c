import { isRole, ROLES, type Role } from '../domain/people/role.ts';
import type { OidcConfig } from './config.ts';
import { OidcShape } from './config-schema.ts';
import { durationMs } from './document/duration.ts';
import { checkShape, entriesOf, type FaultList, isNow } from './document/shape.ts';

/** Somebody who was dismissed is let go on no longer. */
const MOST_RECHECK_MS = 60_000;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
/** Values of the claim that may be named, and characters of one. */
const MOST_VALUES = 200;
const LONGEST_VALUE = 256;

/** The file's `oidc`; null: it has none. */
export function oidcOf(value: unknown, faults: FaultList): OidcConfig | null {
  if (value === undefined) return null;
  const shape = checkShape(OidcShape, value, ['oidc'], faults);
  if (shape === null) return null;
  const { issuer, client_id: clientId, scopes = ['profile', 'email'], match = 'sub', roles } = shape;
  const fault = issuerFault(issuer);
  if (fault !== null) faults.add(['oidc', 'issuer'], fault, 'an https address without query and fragment');
  const recheckMs = durationMs(shape.recheck, ['oidc', 'recheck'], faults) ?? MOST_RECHECK_MS;
  if (recheckMs < 1_000 || recheckMs > MOST_RECHECK_MS)
    faults.add(['oidc', 'recheck'], isNow(shape.recheck), 'from 1s to 60s');
  return {
    issuer,
    clientId,
    scopes: scopes.filter((scope) => scope !== 'openid'),
    match,
    recheckMs,
    roles: roles === undefined ? null : { claim: roles.claim, map: mapOf(roles.map, faults) },
  };
}

/** Plain http is for a provider on this machine only: whoever is in between would sign in as anybody. */
export function issuerFault(issuer: string): string | null {
  if (!URL.canParse(issuer)) return isNow(issuer);
  const { protocol, hostname, username, search, hash } = new URL(issuer);
  if (username !== '' || search !== '' || hash !== '') return 'has a user, a query or a fragment';
  if (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname))) return null;
  return `is not https`;
}

function mapOf(value: unknown, faults: FaultList): Map<string, readonly Role[]> {
  const map = new Map<string, readonly Role[]>();
  const form = `one of ${ROLES.join(', ')}, or a list of them`;
  const entries = entriesOf(value, ['oidc', 'roles', 'map'], 'a map from a value of the claim to roles', faults);
  if (entries.length > MOST_VALUES)
    faults.add(['oidc', 'roles', 'map'], `has ${entries.length} values`, `at most ${MOST_VALUES}`);
  for (const [name, given] of entries) {
    const at = ['oidc', 'roles', 'map', name];
    const listed = (Array.isArray(given) ? given : [given]) as unknown[];
    const known = listed.filter((one): one is Role => typeof one === 'string' && isRole(one));
    if (known.length !== listed.length || listed.length === 0) faults.add(at, isNow(given), form);
    if (name.length > LONGEST_VALUE)
      faults.add(at, `has ${name.length} characters`, `a value of up to ${LONGEST_VALUE}`);
    map.set(name, known);
  }
  return map;
}
