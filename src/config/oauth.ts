import type { Grant, OAuthConfig, OidcConfig } from './config.ts';
import { OAuthShape } from './config-schema.ts';
import { durationMs } from './document/duration.ts';
import { checkShape, type FaultList, isNow } from './document/shape.ts';
import { issuerFault } from './oidc.ts';

/** Milliseconds for which a token may be good, unless the file says otherwise, and what it may say. */
const LONGEST_MS = 24 * 60 * 60_000;
const MOST_LONGEST_MS = 7 * LONGEST_MS;
const LEAST_LONGEST_MS = 60_000;
/** With the time that an answer may take, a token that was taken back is refused within 60 s. */
const MOST_RECHECK_MS = 50_000;

/** The file's `oauth`; null: it has none. Each grant without a token must be one that it names. */
export function oauthOf(
  value: unknown,
  grants: readonly Grant[],
  oidc: Pick<OidcConfig, 'clientId' | 'issuer'> | null,
  faults: FaultList,
): OAuthConfig | null {
  const shape = value === undefined ? null : checkShape(OAuthShape, value, ['oauth'], faults);
  const named = new Set(shape?.grants.map(({ grant }) => grant));
  for (const [index, { name, tokenless }] of grants.entries()) {
    if (tokenless && !named.has(name) && (value === undefined || shape !== null))
      faults.add(['grants', index], 'has no token_sha256, and no entry of oauth.grants names it', 'one of them');
  }
  if (shape === null) return null;
  const { issuer, audience = null, match = 'sub', scopes = [] } = shape;
  const fault = issuerFault(issuer);
  if (fault !== null) faults.add(['oauth', 'issuer'], fault, 'an https address without query and fragment');
  if (oidc !== null && oidc.issuer === issuer && oidc.clientId === audience)
    faults.add(
      ['oauth', 'audience'],
      'is oidc.client_id of the same issuer, so the ID tokens of the console’s sign-in would be taken for access tokens',
      'an audience of its own: register the gateway twice, for people and for agents',
    );
  const longestMs = durationMs(shape.longest, ['oauth', 'longest'], faults) ?? LONGEST_MS;
  if (longestMs < LEAST_LONGEST_MS || longestMs > MOST_LONGEST_MS)
    faults.add(['oauth', 'longest'], isNow(shape.longest), 'from 1m to 7d');
  for (const [index, { grant }] of shape.grants.entries()) {
    if (!grants.some(({ name }) => name === grant)) {
      const known = grants.map(({ name }) => name).join(', ');
      faults.add(['oauth', 'grants', index, 'grant'], isNow(grant), `one of the grants: ${known}`);
    }
  }
  const introspection = introspectionOf(shape.introspection, faults);
  return { issuer, audience, match, scopes, longestMs, introspection, grants: shape.grants };
}

type Introspection = NonNullable<OAuthConfig['introspection']>;

function introspectionOf(shape: OAuthShape['introspection'], faults: FaultList): Introspection | null {
  if (shape === undefined) return null;
  const { client_id: clientId, recheck, opaque = false } = shape;
  const at = ['oauth', 'introspection', 'recheck'];
  const recheckMs = durationMs(recheck, at, faults) ?? MOST_RECHECK_MS;
  if (recheckMs < 1_000 || recheckMs > MOST_RECHECK_MS) faults.add(at, isNow(recheck), 'from 1s to 50s');
  return { clientId, recheckMs, opaque };
}
