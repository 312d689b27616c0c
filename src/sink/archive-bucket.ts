import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type BucketPlace, placeName } from '../domain/log/archive-place.ts';
import { type Archive, Unavailable } from '../ports.ts';
import type { BucketBody, BucketClient } from './bucket-client.ts';
import {
  CHUNK,
  type FoundLine,
  HEAD_END,
  Measure,
  MOST_HEAD,
  MOST_HEADS,
  packedName,
  packLines,
  segmentName,
  unpackLines,
} from './packed-lines.ts';

/** Milliseconds that a small request may take with all its attempts, and the transfer of a segment. */
const SMALL_MS = 60_000;
const TRANSFER_MS = 600_000;
/** Octets of the longest segment that one request takes; a gateway's are a thousand times shorter. */
const MOST_PACKED = 5 * 1024 * 1024 * 1024;
/** How the names of files begin in which lines are packed, and the milliseconds after which one was left by a death. */
const TEMPORARY = 'holdfast-segment-';
const LEFT_MS = 2 * TRANSFER_MS;
/** Objects that are listed in search of heads. */
const MOST_OBJECTS = 200_000;

/** The object by which a store shows that it keeps what is there. */
export const EXCLUSIVE = 'holdfast-exclusive.txt';
const EXCLUSIVE_TEXT = 'By this object Holdfast sees whether the store keeps what is written once. Leave it here.\n';

/**
 * Segments in a bucket: of each a head, `LOG-000001.head.json`, and the packed lines that it names. Every object is written once,
 * `If-None-Match: *`: of two gateways that share a bucket one publishes a head. A store that lets a second writer replace an object
 * is refused at the first use. Only reading and writing objects is needed, no right to list or delete.
 *
 * | death or race | what is left |
 * |---|---|
 * | while lines are packed or sent | a file in the folder for temporary files, which the next one removes |
 * | while an object is sent | nothing: an object is there whole or not at all |
 * | after the lines, before the head | an object that no head names |
 * | two writers of one head | the first one stays; the other reads it |
 */
export function archiveBucket(place: BucketPlace, load: () => Promise<BucketClient>): Archive {
  const name = placeName({ kind: 'bucket', ...place });
  const at = (file: string): string => `${place.prefix}${file}`;
  let proven: Promise<void> | null = null;
  /** Once a process and place; a store that failed is tried again. */
  const ready = async (): Promise<BucketClient> => {
    const client = await load();
    proven ??= proveExclusive(client, at(EXCLUSIVE), name);
    try {
      await proven;
    } catch (error) {
      proven = null;
      throw error;
    }
    return client;
  };
  const told = async <T>(work: (client: BucketClient) => Promise<T>): Promise<T> => {
    const client = await ready();
    try {
      return await work(client);
    } catch (error) {
      // Rights may have changed: before anything more is written it is seen again whether it can be read.
      proven = null;
      throw error;
    }
  };
  return {
    name,
    head: (log, segment) =>
      told((client) =>
        readSmall(client, at(`${segmentName(log, segment)}${HEAD_END}`), `the head of segment ${segment}`),
      ),
    write: (log, segment, lines) =>
      told(async (client) => {
        const path = await temporaryFile();
        try {
          const packed = await packLines(lines, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
          const stored = packedName(log, segment, packed.sha256);
          if (packed.octets > MOST_PACKED) throw new Error(`${name}: segment ${segment} is too long for one object`);
          const open = (): Readable => createReadStream(path, { highWaterMark: CHUNK });
          await client.put(at(stored), { ...packed, open }, TRANSFER_MS);
          // Before a head names it; also where it was there already.
          await requireKept(client, at(stored), packed);
          return { file: stored, ...packed };
        } finally {
          await rm(path, { force: true });
        }
      }),
    read: (file) =>
      unpackLines(async () => {
        const body = await (await load()).get(at(file), TRANSFER_MS);
        if (body === null) throw new Error(`${file} is not there, or these credentials may not read it`);
        return body;
      }, file),
    publish: (log, segment, line) =>
      told((client) => client.put(at(`${segmentName(log, segment)}${HEAD_END}`), bodyOf(Buffer.from(line)), SMALL_MS)),
  };
}

/** The lines of all heads in a bucket, by their files' names, in order. One that is too long is empty. */
export async function headsInBucket(place: BucketPlace, client: BucketClient): Promise<readonly FoundLine[]> {
  const name = placeName({ kind: 'bucket', ...place });
  const heads: FoundLine[] = [];
  let [objects, octets] = [0, 0];
  for (let after: string | null = null; ; ) {
    const page = await client.list(place.prefix, after, SMALL_MS);
    objects += page.keys.length;
    if (objects > MOST_OBJECTS) throw new Error(`${name} has more than ${MOST_OBJECTS} objects beside each other`);
    for (const key of page.keys) {
      const file = key.slice(place.prefix.length);
      if (!file.endsWith(HEAD_END) || file.startsWith('.')) continue;
      const line = await readSmall(client, key, file).catch((error: unknown) => {
        if (error instanceof TooLong) return '';
        throw error;
      });
      // It is listed, so it is there.
      if (line === null) {
        throw new Unavailable(
          'archive',
          `${name}: ${file} is there, and cannot be read with these credentials (s3:GetObject)`,
        );
      }
      octets += line.length;
      if (octets > MOST_HEADS)
        throw new Error(`the heads in ${name} are longer together than any that a gateway writes`);
      heads.push({ file, line });
    }
    const last = page.keys.at(-1);
    if (!page.more || last === undefined || last === after) break;
    after = last;
  }
  return heads.sort((one, other) => (one.file < other.file ? -1 : 1));
}

/** Whether the store refuses a second writer, and gives back what was written. */
async function proveExclusive(client: BucketClient, key: string, name: string): Promise<void> {
  const body = bodyOf(Buffer.from(EXCLUSIVE_TEXT));
  if ((await client.put(key, body, SMALL_MS)) && (await client.put(key, body, SMALL_MS))) {
    throw new Unavailable(
      'archive',
      `${name}: the store lets a second writer replace an object, so it could lose the log. Use one that honours If-None-Match: *`,
    );
  }
  if ((await readSmall(client, key, EXCLUSIVE)) === null) {
    throw new Unavailable(
      'archive',
      `${name}: what is written there cannot be read with these credentials (s3:GetObject)`,
    );
  }
}

class TooLong extends Error {}

/** A small object as text; null: it is not there. */
async function readSmall(client: BucketClient, key: string, what: string): Promise<string | null> {
  const body = await client.get(key, SMALL_MS);
  if (body === null) return null;
  const parts: Buffer[] = [];
  let octets = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    octets += part.length;
    if (octets > MOST_HEAD) throw new TooLong(`${what} is longer than any that a gateway writes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

async function requireKept(
  client: BucketClient,
  key: string,
  packed: { readonly octets: number; readonly sha256: string },
): Promise<void> {
  const body = await client.get(key, TRANSFER_MS);
  const measure = new Measure();
  if (body !== null) await pipeline(body, measure.resume());
  const { octets, sha256 } = measure.measured();
  if (octets !== packed.octets || sha256 !== packed.sha256) {
    throw new Unavailable('archive', `${key} was written, and reads as something else`);
  }
}

function bodyOf(bytes: Buffer): BucketBody {
  return { octets: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), open: () => bytes };
}

/** Where lines are packed before they are sent, so that their length is known; what a death left there is removed. */
async function temporaryFile(): Promise<string> {
  const folder = tmpdir();
  for (const name of await readdir(folder)) {
    if (!name.startsWith(TEMPORARY)) continue;
    const found = await lstat(join(folder, name)).catch(() => null);
    const isOld = found?.isFile() === true && Date.now() - found.mtimeMs > LEFT_MS;
    if (isOld) await rm(join(folder, name), { force: true }).catch(() => undefined);
  }
  return join(folder, `${TEMPORARY}${randomUUID()}`);
}
