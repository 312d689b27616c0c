import { isObject, type Json } from '../domain/json/json.ts';
import {
  type ArchivePlace,
  BUCKET_FORM,
  bucketPlace,
  isBucketText,
  readBucket,
  readEndpoint,
} from '../domain/log/archive-place.ts';
import type { RetentionSettings } from './config.ts';
import { ARCHIVE_FORM, BucketShape, type ConfigShape, ENDPOINT_FORM } from './config-schema.ts';
import { durationMs } from './document/duration.ts';
import { checkShape, type FaultList, isNow } from './document/shape.ts';
import { inFolder } from './server.ts';

/** Milliseconds that events stay at least: where they are archived, and where they are deleted for good. */
const LEAST_MS = 60_000;
const LEAST_DELETED_MS = 86_400_000;
/** The word for deleting them for good, so that no log is lost by what was left out. */
const NONE = 'none';

/** null: the log stays in the database, as where the file says nothing. */
export function retentionOf(shape: ConfigShape['audit'], folder: string, faults: FaultList): RetentionSettings | null {
  const { retain, archive } = shape ?? {};
  if (retain === undefined && archive === undefined) return null;
  if (retain === undefined) {
    faults.add(['audit', 'archive'], 'stands without audit.retain', 'audit.retain beside it, such as 90d');
    return null;
  }
  if (archive === undefined) {
    faults.add(['audit', 'retain'], 'stands without audit.archive', `audit.archive beside it: ${ARCHIVE_FORM}`);
    return null;
  }
  const retainMs = durationMs(retain, ['audit', 'retain'], faults);
  if (retainMs === null) return null;
  const least = archive === NONE ? LEAST_DELETED_MS : LEAST_MS;
  if (retainMs < least) {
    const form = archive === NONE ? 'a day (1d) or more, because audit.archive is none' : 'a minute (1m) or more';
    faults.add(['audit', 'retain'], isNow(retain), form);
  }
  if (archive === NONE) return { retainMs, archive: null };
  const place = placeOf(archive, folder, faults);
  return place === null ? null : { retainMs, archive: place };
}

/** null: it is none, which is reported. */
function placeOf(archive: unknown, folder: string, faults: FaultList): ArchivePlace | null {
  const at = ['audit', 'archive'];
  if (typeof archive === 'string' && archive !== '' && !isBucketText(archive)) {
    return { kind: 'folder', path: inFolder(folder, archive) };
  }
  if (typeof archive === 'string' && archive !== '') return bucketOf(archive, at, {}, faults);
  if (!isObject(archive as Json)) {
    faults.add(at, 'is neither a text nor a bucket', ARCHIVE_FORM);
    return null;
  }
  const shape = checkShape(BucketShape, archive, at, faults);
  if (shape === null) return null;
  const { s3, endpoint, region, path_style: pathStyle } = shape;
  const read = endpoint === undefined ? null : readEndpoint(endpoint);
  if (endpoint !== undefined && read === null) {
    // It may hold a password, so it is not repeated.
    faults.add([...at, 'endpoint'], 'is not an address of this form', ENDPOINT_FORM);
    return null;
  }
  const terms = {
    endpoint: read,
    region: region ?? null,
    ...(pathStyle !== undefined && { pathStyle }),
  };
  return bucketOf(s3, [...at, 's3'], terms, faults);
}

function bucketOf(
  text: string,
  at: readonly string[],
  terms: Parameters<typeof bucketPlace>[1],
  faults: FaultList,
): ArchivePlace | null {
  const bucket = readBucket(text);
  if (bucket !== null) return bucketPlace(bucket, terms);
  faults.add(at, 'is no bucket of this form', `${BUCKET_FORM}, with letters, digits, dots, dashes and slashes`);
  return null;
}

/** Milliseconds that ended approvals stay at least: longer than any witness remembers one. */
const LEAST_APPROVALS_MS = 7 * 86_400_000;

/** null: they stay, as where the file says nothing. */
export function approvalsRetainOf(shape: ConfigShape['approvals'], faults: FaultList): number | null {
  const at = ['approvals', 'retain'];
  const retainMs = durationMs(shape?.retain, at, faults);
  if (retainMs !== null && retainMs < LEAST_APPROVALS_MS) faults.add(at, isNow(shape!.retain!), 'a week (7d) or more');
  return retainMs;
}
