/** Where segments of the log are kept: a folder, or a bucket of an S3-compatible store. */
export type ArchivePlace =
  | { readonly kind: 'folder'; readonly path: string }
  | ({ readonly kind: 'bucket' } & BucketPlace);

export interface BucketPlace {
  readonly bucket: string;
  /** What every name begins with: empty, or it ends in a slash. */
  readonly prefix: string;
  /** The store's address, without a slash at its end; null: the client's own, which is Amazon's for the region. */
  readonly endpoint: string | null;
  /** null: as the client's environment says. */
  readonly region: string | null;
  /** The bucket is in the path of addresses, and not in the name of the host. */
  readonly pathStyle: boolean;
}

/** How a bucket is written. */
export const BUCKET_FORM = 's3://bucket/prefix';
/** What may be written behind it on a command line. */
export const BUCKET_QUERY_FORM = '?endpoint=https://s3.example.com&region=eu-central-1&path_style=true';

/** Whether a text is meant to be a bucket. */
export const isBucketText = (text: string): boolean => /^s3:/i.test(text);

/** Octets of the longest prefix: with the names of segments after it a key stays far below S3's 1024. */
const LONGEST_PREFIX = 512;
const BUCKET = /^[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]$/;
/** What needs no escaping in a key, anywhere. */
const PART = /^[A-Za-z0-9!_.*'()=-]+$/;

/** `s3://bucket/prefix`; null: it is not of this form. */
export function readBucket(text: string): Pick<BucketPlace, 'bucket' | 'prefix'> | null {
  const [, bucket = '', rest = ''] = /^s3:\/\/([^/?#]+)(?:\/(.*))?$/.exec(text) ?? [];
  const path = rest.replace(/\/$/, '');
  if (!BUCKET.test(bucket) || path.length > LONGEST_PREFIX) return null;
  if (path === '') return { bucket, prefix: '' };
  const isPlain = path.split('/').every((part) => PART.test(part) && !/^\.+$/.test(part));
  return isPlain ? { bucket, prefix: `${path}/` } : null;
}

/** The store's address as it is kept; null: it is no http or https address of a host alone. */
export function readEndpoint(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const { protocol, username, password, search, hash, href } = new URL(text);
  if (protocol !== 'http:' && protocol !== 'https:') return null;
  if (username !== '' || password !== '' || search !== '' || hash !== '') return null;
  return href.replace(/\/$/, '');
}

export const isRegion = (text: string): boolean => /^[a-z0-9-]{1,40}$/i.test(text);

/** With `pathStyle` as it is where nobody says: most stores with an address of their own have no names of hosts for buckets. */
export function bucketPlace(
  at: Pick<BucketPlace, 'bucket' | 'prefix'>,
  { endpoint = null, region = null, pathStyle }: Partial<Omit<BucketPlace, 'bucket' | 'prefix'>> = {},
): ArchivePlace & { readonly kind: 'bucket' } {
  return { kind: 'bucket', ...at, endpoint, region, pathStyle: pathStyle ?? endpoint !== null };
}

/** A bucket as it is given on a command line, with its query; null: it is not of this form. */
export function readBucketWords(text: string): (ArchivePlace & { readonly kind: 'bucket' }) | null {
  const [where = '', query] = text.split(/\?(.*)/s);
  const at = readBucket(where);
  if (at === null) return null;
  const asked = new URLSearchParams(query ?? '');
  if ([...asked.keys()].some((name) => !['endpoint', 'region', 'path_style'].includes(name))) return null;
  const [endpoint, region, pathStyle] = [asked.get('endpoint'), asked.get('region'), asked.get('path_style')];
  const read = endpoint === null ? null : readEndpoint(endpoint);
  if ((endpoint !== null && read === null) || (region !== null && !isRegion(region))) return null;
  if (pathStyle !== null && pathStyle !== 'true' && pathStyle !== 'false') return null;
  return bucketPlace(at, { endpoint: read, region, ...(pathStyle !== null && { pathStyle: pathStyle === 'true' }) });
}

/** How operators name it: nothing in it is secret. */
export function placeName(place: ArchivePlace): string {
  if (place.kind === 'folder') return place.path;
  const where = `s3://${place.bucket}${place.prefix === '' ? '' : `/${place.prefix.slice(0, -1)}`}`;
  return place.endpoint === null ? where : `${where} at ${place.endpoint}`;
}
