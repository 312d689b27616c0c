import { hash, randomBytes } from 'node:crypto';
import type { Config, Grant } from './config.ts';

export interface NewGrant {
  /** Shown once and not stored. */
  readonly token: string;
  readonly tokenSha256: string;
  /** The block for `holdfast.yaml`. */
  readonly yaml: string;
}

/**
 * Makes a grant with a token of 256 random bits, so that its plain SHA-256 is safe to store, unsalted and unstretched.
 */
export function newGrant(grant: {
  readonly name: string;
  readonly servers: readonly string[];
  readonly owner: string | null;
  /** As the config writes it; null: never. */
  readonly expires?: string | null;
}): NewGrant {
  const token = `hf_${randomBytes(32).toString('base64url')}`;
  const tokenSha256 = tokenDigest(token);
  const yaml = [
    `  - name: ${grant.name}`,
    // Quoted: digits with a single e among them would be read as a number.
    `    token_sha256: "${tokenSha256}"`,
    `    servers: [${grant.servers.join(', ')}]`,
    `    owner: ${grant.owner ?? 'none'}`,
    ...(grant.expires ? [`    expires: "${grant.expires}"`] : []),
    '',
  ].join('\n');
  return { token, tokenSha256, yaml };
}

/** Tokens that anybody would try first. Of a configured token only the digest is known, so nothing else can be told. */
const TRIED_FIRST = [
  ...[
    '',
    'admin',
    'admin1',
    'administrator',
    'agent',
    'bearer',
    'bot',
    'changeme',
    'change-me',
    'default',
    'demo',
    'dev',
  ],
  ...['example', 'grant', 'hello', 'hf', 'hf_', 'holdfast', 'key', 'letmein', 'password', 'password1', 'release-bot'],
  ...['root', 'secret', 's3cret', 'test', 'test-token', 'testing', 'token', 'token1', 'user', 'welcome', 'your-token'],
  ...['1234', '12345', '123456', '1234567', '12345678', '123456789', '1234567890', '0', '1', 'abc', 'abc123', 'qwerty'],
];
let triedFirst: ReadonlySet<string> | null = null;

/** Whether a token of this digest is one that anybody would try first. */
export function isTriedFirst(tokenSha256: string, grant: string): boolean {
  triedFirst ??= new Set(TRIED_FIRST.map(tokenDigest));
  return triedFirst.has(tokenSha256) || [grant, `${grant}-token`, `hf_${grant}`].map(tokenDigest).includes(tokenSha256);
}

export function tokenDigest(token: string): string {
  return hash('sha256', token);
}

/** What is revoked of a grant that has no token: the digest of a text that no header can carry, so that nothing presents it. */
export function tokenlessDigest(grant: string): string {
  return tokenDigest(`oauth\n${grant}`);
}

export type Authentication =
  /** `retiring`: the token presented was the older of two. */
  | { readonly kind: 'known'; readonly grant: Grant; readonly retiring: boolean }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'expired'; readonly grant: Grant };

/**
 * Finds the grant of a presented token. The look-up is by the token's hash. Its timing can reveal at most the first
 * digits of a hash, from which no token can be made, so no constant-time comparison is needed.
 */
export function authenticator(config: Config): (token: string, now: Date) => Authentication {
  const grants = new Map<string, Grant>();
  for (const grant of config.grants) {
    if (grant.tokenless) continue;
    grants.set(grant.tokenSha256, grant);
    if (grant.retiringSha256 !== null) grants.set(grant.retiringSha256, grant);
  }
  return (token, now) => {
    const digest = tokenDigest(token);
    const grant = grants.get(digest);
    if (grant === undefined) return { kind: 'unknown' };
    if (grant.expires !== null && now >= grant.expires) return { kind: 'expired', grant };
    return { kind: 'known', grant, retiring: digest === grant.retiringSha256 };
  };
}
