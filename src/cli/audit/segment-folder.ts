import { readProxies } from '../../config/proxies.ts';
import {
  BUCKET_FORM,
  BUCKET_QUERY_FORM,
  isBucketText,
  placeName,
  readBucketWords,
} from '../../domain/log/archive-place.ts';
import type { SegmentFolder } from '../../gateway/archive/segment-reader.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { takeWaysOut } from '../../main/process/ways-out.ts';
import { headsInBucket } from '../../sink/archive-bucket.ts';
import { archiveDirectory, headsIn } from '../../sink/archive-directory.ts';
import { openArchiveAt, openBucket } from '../../sink/archives.ts';
import { Misuse } from '../parse/misuse.ts';

/** The segments in a folder or a bucket, as `--segments` names it. Throws where there are none. `env`: names proxies. */
export async function segmentFolder(where: string, env: Terminal['env'] = {}): Promise<SegmentFolder> {
  if (where.trim() === '') throw new Misuse(`--segments is empty: give a folder, or a bucket (${BUCKET_FORM}).`);
  if (isBucketText(where)) return segmentsInBucket(where, env);
  const heads = await headsIn(where).catch((error: NodeJS.ErrnoException) => {
    throw new Misuse(`${where} cannot be read: ${error.code ?? error.message}.`);
  });
  if (heads.length === 0) throw new Misuse(`There is no segment of a log in ${where} (files that end in .head.json).`);
  return { heads, read: (file) => archiveDirectory(where).read(file) };
}

async function segmentsInBucket(where: string, env: Terminal['env']): Promise<SegmentFolder> {
  const place = readBucketWords(where);
  if (place === null) throw new Misuse(`--segments is a folder, or a bucket: ${BUCKET_FORM}[${BUCKET_QUERY_FORM}].`);
  const proxies = readProxies(env, (name, message, expected) => {
    throw new Misuse(`${name} ${message} (expected ${expected}).`);
  });
  takeWaysOut(proxies);
  const heads = await headsInBucket(place, await openBucket(place));
  const name = placeName(place);
  if (heads.length === 0) throw new Misuse(`There is no segment of a log in ${name} (objects that end in .head.json).`);
  const archive = openArchiveAt(place);
  return { heads, read: (file) => archive.read(file) };
}
