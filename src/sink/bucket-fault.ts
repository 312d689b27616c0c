import { type BucketPlace, placeName } from '../domain/log/archive-place.ts';
import { Unavailable } from '../ports.ts';

/** What was tried: reading, writing, or listing. */
export type BucketDeed = 'list' | 'read' | 'write';

const RIGHTS: Readonly<Record<BucketDeed, string>> = {
  list: 's3:ListBucket',
  read: 's3:GetObject',
  write: 's3:PutObject',
};
const CREDENTIALS = new Set([
  ...['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'ExpiredToken', 'InvalidToken', 'TokenRefreshRequired'],
  ...['ExpiredTokenException', 'UnrecognizedClientException', 'InvalidClientTokenId'],
]);
const ELSEWHERE = new Set(['PermanentRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException']);

/**
 * Why a bucket could not be used, in words that are the same each time. Of what the store says only its code is taken: its
 * texts may repeat what was signed, or the key's id.
 */
export function bucketFault(error: unknown, place: BucketPlace, deed: BucketDeed): Unavailable {
  if (error instanceof Unavailable) return error;
  return new Unavailable('archive', `${placeName({ kind: 'bucket', ...place })}: ${whatHappened(error, place, deed)}`);
}

function whatHappened(error: unknown, { bucket }: BucketPlace, deed: BucketDeed): string {
  const name = nameOf(error);
  const status = httpStatusOf(error);
  if (name === 'NoSuchBucket') return `the store has no bucket ${bucket}. Create it, or correct audit.archive`;
  if (CREDENTIALS.has(name)) return `the store does not take these credentials (${name}). Check the variables AWS_…`;
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError') {
    return 'there are no credentials for it. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a file by AWS_SHARED_CREDENTIALS_FILE';
  }
  if (isWithoutRegion(error))
    return 'no region is set. Set AWS_REGION, region in audit.archive, or ?region=… in the address';
  if (ELSEWHERE.has(name) || status === 301) {
    return 'the bucket is in another region. Correct AWS_REGION, or region in audit.archive';
  }
  if (name === 'RequestTimeTooSkewed') return 'this machine’s clock is too far from the store’s. Run NTP';
  if (name === 'ConditionalRequestConflict' || status === 409) return 'another writer wrote the same name just now';
  if (name === 'NotImplemented' || status === 501) {
    return 'the store does not know If-None-Match, without which a head could be written over. Use one that does';
  }
  if (name === 'InvalidObjectState') {
    return 'the store keeps it where it has to be restored from before it is read, as Glacier (InvalidObjectState)';
  }
  if (status === 403) return `these credentials lack the right ${RIGHTS[deed]} there (${name})`;
  const code = networkCode(error);
  if (code !== null) return `it cannot be reached (${code})`;
  if (name === 'TimeoutError' || name === 'AbortError') return 'it does not answer in time';
  return `it answers ${name}${status === null ? '' : ` (HTTP ${status})`}`;
}

/** A code as stores write them: whatever else an answer holds is not repeated. */
function nameOf(error: unknown): string {
  const name = (error as { name?: unknown } | null)?.name;
  return typeof name === 'string' && /^[A-Za-z0-9.]{1,60}$/.test(name) ? name : 'something unknown';
}

export function httpStatusOf(error: unknown): number | null {
  const status = (error as { $metadata?: { httpStatusCode?: unknown } } | null)?.$metadata?.httpStatusCode;
  return typeof status === 'number' ? status : null;
}

function isWithoutRegion(error: unknown): boolean {
  return error instanceof Error && /^Region is missing/.test(error.message);
}

/** Of the connection: `ECONNREFUSED`, `UND_ERR_HEADERS_TIMEOUT`, `CERT_HAS_EXPIRED`; null: it has another cause. */
function networkCode(error: unknown): string | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth += 1) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,60}$/.test(code)) return code;
    if (at instanceof AggregateError) return networkCode(at.errors[0]);
  }
  return null;
}
