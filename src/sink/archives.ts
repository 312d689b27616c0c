import { type ArchivePlace, type BucketPlace, placeName } from '../domain/log/archive-place.ts';
import type { Archive } from '../ports.ts';
import { archiveBucket } from './archive-bucket.ts';
import { archiveDirectory } from './archive-directory.ts';
import type { BucketClient } from './bucket-client.ts';

/** Opens archives; the same place is opened once, so that connections and credentials are kept. */
export function openArchives(): (place: ArchivePlace) => Archive {
  let last: { readonly key: string; readonly archive: Archive } | null = null;
  return (place) => {
    const key = JSON.stringify(place);
    if (last?.key !== key) last = { key, archive: openArchiveAt(place) };
    return last.archive;
  };
}

export function openArchiveAt(place: ArchivePlace): Archive {
  if (place.kind === 'folder') return archiveDirectory(place.path);
  let client: Promise<BucketClient> | null = null;
  return archiveBucket(place, () => {
    client ??= openBucket(place).catch((error: unknown) => {
      client = null;
      throw error;
    });
    return client;
  });
}

/** Loads Amazon's client: here, and nowhere else. */
export async function openBucket(place: BucketPlace): Promise<BucketClient> {
  const { bucketClient } = await import('./bucket-client.ts').catch((error: unknown) => {
    throw new Error(`${placeName({ kind: 'bucket', ...place })}: @aws-sdk/client-s3 cannot be loaded; npm install it`, {
      cause: error,
    });
  });
  return bucketClient(place);
}
