import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import type { Archive, OpenSegment, WrittenSegment } from '../ports.ts';

/** How a head's name ends. */
export const HEAD_END = '.head.json';
/** Octets of the longest head that is read, and of the longest line of a segment. */
const MOST_HEAD = 16 * 1024 * 1024;
const MOST_LINE = 64 * 1024 * 1024;
/** Milliseconds after which what a process left half written is removed. */
const LEFT_MS = 3_600_000;
const BEING_WRITTEN = '.tmp';

/**
 * Segments in a folder: of each a head, `LOG-000001.head.json`, and the packed lines that it names. Everything is written
 * under another name, synced and then given its own, so that a name is either absent or of something whole. A head that is there is never replaced:
 * of two gateways that share a folder one publishes it.
 */
export function archiveDirectory(folder: string): Archive {
  const headPath = (log: string, segment: number): string => join(folder, `${nameOf(log, segment)}${HEAD_END}`);
  return {
    name: folder,
    head: async (log, segment) => {
      const path = headPath(log, segment);
      const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw error;
      });
      if (found === null) return null;
      if (!found.isFile() || found.size > MOST_HEAD) throw new Error(`${path} is not the head of a segment`);
      return readFile(path, 'utf8');
    },
    write: async (log, segment, lines) => {
      // Only the folder itself: where what it is in is missing, a volume is not there, and a disk of this machine is no archive.
      await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
      await removeLeft(folder);
      const temporary = join(folder, `.${nameOf(log, segment)}.${randomUUID()}${BEING_WRITTEN}`);
      try {
        const { octets, sha256, unpacked } = await pack(temporary, lines);
        const file = `${nameOf(log, segment)}-${sha256.slice(0, 12)}.jsonl.gz`;
        await rename(temporary, join(folder, file));
        await syncFolder(folder);
        return { file, octets, sha256, unpacked };
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => undefined);
        throw error;
      }
    },
    read: (file) => openSegment(join(folder, file)),
    publish: async (log, segment, line) => {
      const temporary = join(folder, `.${nameOf(log, segment)}.${randomUUID()}${BEING_WRITTEN}`);
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(line);
        await file.sync();
      } finally {
        await file.close();
      }
      try {
        // Unlike a rename it fails where the name is taken.
        await link(temporary, headPath(log, segment));
        await syncFolder(folder);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
        throw error;
      } finally {
        await rm(temporary, { force: true });
      }
    },
  };
}

/** The lines of all heads in a folder, by their files' names, in order. */
export async function headsIn(folder: string): Promise<readonly { readonly file: string; readonly line: string }[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(HEAD_END) && !name.startsWith('.')).sort();
  const heads: { file: string; line: string }[] = [];
  for (const file of names) {
    const { size } = await stat(join(folder, file));
    heads.push({ file, line: size > MOST_HEAD ? '' : await readFile(join(folder, file), 'utf8') });
  }
  return heads;
}

function nameOf(log: string, segment: number): string {
  if (!/^[A-Za-z0-9_-]{1,80}$/.test(log)) throw new Error('the log’s id is no name for a file');
  return `${log}-${String(segment).padStart(6, '0')}`;
}

async function pack(path: string, lines: AsyncIterable<string>): Promise<Omit<WrittenSegment, 'file'>> {
  const digest = createHash('sha256');
  let [octets, unpacked] = [0, 0];
  const counted = async function* (): AsyncGenerator<Buffer> {
    for await (const portion of lines) {
      const bytes = Buffer.from(portion);
      unpacked += bytes.length;
      yield bytes;
    }
  };
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      octets += chunk.length;
      digest.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(
    Readable.from(counted(), { objectMode: false }),
    createGzip(),
    measure,
    createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true }),
  );
  return { octets, sha256: digest.digest('hex'), unpacked };
}

function openSegment(path: string): OpenSegment {
  const digest = createHash('sha256');
  let octets = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      octets += chunk.length;
      digest.update(chunk);
      done(null, chunk);
    },
  });
  const lines = async function* (): AsyncGenerator<string> {
    const unpacked = createGunzip();
    const reading = pipeline(createReadStream(path, { highWaterMark: 1 << 18 }), measure, unpacked);
    // Awaited at the end; until then its rejection must not count as unhandled.
    reading.catch(() => undefined);
    unpacked.setEncoding('utf8');
    let rest = '';
    for await (const chunk of unpacked) {
      const parts = (rest + String(chunk)).split('\n');
      rest = parts.pop()!;
      if (rest.length > MOST_LINE) throw new Error(`${path} has a line that no gateway writes`);
      yield* parts;
    }
    await reading;
    if (rest !== '') yield rest;
  };
  return { lines: lines(), measured: () => ({ octets, sha256: digest.copy().digest('hex') }) };
}

async function syncFolder(folder: string): Promise<void> {
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function removeLeft(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith('.') || !name.endsWith(BEING_WRITTEN)) continue;
    const found = await stat(join(folder, name)).catch(() => null);
    if (found !== null && Date.now() - found.mtimeMs > LEFT_MS) await rm(join(folder, name), { force: true });
  }
}
