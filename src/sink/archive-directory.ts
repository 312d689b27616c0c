import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Archive } from '../ports.ts';
import {
  CHUNK,
  type FoundLine,
  HEAD_END,
  MOST_HEAD,
  MOST_HEADS,
  packedName,
  packLines,
  segmentName,
  unpackLines,
} from './packed-lines.ts';

/** Milliseconds after which what a process left half written is removed. */
const LEFT_MS = 3_600_000;
const BEING_WRITTEN = '.tmp';

/**
 * Segments in a folder: of each a head, `LOG-000001.head.json`, and the packed lines that it names. Everything is written
 * under another name, synced and then given its own, so that a name is either absent or of something whole. A head that is there is never replaced:
 * of two gateways that share a folder one publishes it.
 */
export function archiveDirectory(folder: string): Archive {
  const headPath = (log: string, segment: number): string => join(folder, `${segmentName(log, segment)}${HEAD_END}`);
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
      const temporary = join(folder, `.${segmentName(log, segment)}.${randomUUID()}${BEING_WRITTEN}`);
      try {
        const packed = await packLines(lines, createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true }));
        const file = packedName(log, segment, packed.sha256);
        await rename(temporary, join(folder, file));
        await syncFolder(folder);
        return { file, ...packed };
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => undefined);
        throw error;
      }
    },
    read: (file) => {
      const path = join(folder, file);
      return unpackLines(async () => createReadStream(path, { highWaterMark: CHUNK }), path);
    },
    publish: async (log, segment, line) => {
      const temporary = join(folder, `.${segmentName(log, segment)}.${randomUUID()}${BEING_WRITTEN}`);
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

/** The lines of all heads in a folder, by their files' names, in order. One that is too long is empty. */
export async function headsIn(folder: string): Promise<readonly FoundLine[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(HEAD_END) && !name.startsWith('.')).sort();
  const heads: FoundLine[] = [];
  let octets = 0;
  for (const file of names) {
    const { size } = await stat(join(folder, file));
    octets += size > MOST_HEAD ? 0 : size;
    if (octets > MOST_HEADS)
      throw new Error(`the heads in ${folder} are longer together than any that a gateway writes`);
    heads.push({ file, line: size > MOST_HEAD ? '' : await readFile(join(folder, file), 'utf8') });
  }
  return heads;
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
