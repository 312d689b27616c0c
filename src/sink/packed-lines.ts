import { createHash } from 'node:crypto';
import { Readable, Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import type { OpenSegment, WrittenSegment } from '../ports.ts';

/** How a head's name ends. */
export const HEAD_END = '.head.json';
/** Octets of the longest head that is read, of all heads that are read together, and of the longest line of a segment. */
export const MOST_HEAD = 16 * 1024 * 1024;
export const MOST_HEADS = 256 * 1024 * 1024;
const MOST_LINE = 64 * 1024 * 1024;
/** Octets that are read at a time. */
export const CHUNK = 1 << 18;

/** A head as it was found: the name of its file, and its line. */
export interface FoundLine {
  readonly file: string;
  readonly line: string;
}

/** What the names of a segment's files begin with: `LOG-000001`. */
export function segmentName(log: string, segment: number): string {
  if (!/^[A-Za-z0-9_-]{1,80}$/.test(log)) throw new Error('the log’s id is no name for a file');
  return `${log}-${String(segment).padStart(6, '0')}`;
}

/** The name of packed lines: it depends on what they are. */
export function packedName(log: string, segment: number, sha256: string): string {
  return `${segmentName(log, segment)}-${sha256.slice(0, 12)}.jsonl.gz`;
}

/** Packs lines into a stream, and measures them. */
export async function packLines(lines: AsyncIterable<string>, into: Writable): Promise<Omit<WrittenSegment, 'file'>> {
  let unpacked = 0;
  const counted = async function* (): AsyncGenerator<Buffer> {
    for await (const portion of lines) {
      const bytes = Buffer.from(portion);
      unpacked += bytes.length;
      yield bytes;
    }
  };
  const measure = new Measure();
  await pipeline(Readable.from(counted(), { objectMode: false }), createGzip(), measure, into);
  return { ...measure.measured(), unpacked };
}

/** The lines of a packed stream, which is opened once they are read. `name`: as errors say it. */
export function unpackLines(open: () => Promise<Readable>, name: string): OpenSegment {
  const measure = new Measure();
  const portions = async function* (): AsyncGenerator<readonly string[]> {
    const unpacked = createGunzip({ chunkSize: CHUNK });
    const reading = pipeline(await open(), measure, unpacked);
    // Awaited at the end; until then its rejection must not count as unhandled.
    reading.catch(() => undefined);
    unpacked.setEncoding('utf8');
    let rest = '';
    for await (const chunk of unpacked) {
      const parts = (rest + String(chunk)).split('\n');
      rest = parts.pop()!;
      if (rest.length > MOST_LINE) throw new Error(`${name} has a line that no gateway writes`);
      yield parts;
    }
    await reading;
    if (rest !== '') yield [rest];
  };
  return { portions: portions(), measured: () => measure.measured() };
}

/** Passes octets on, and knows how many they were and their SHA-256. */
export class Measure extends Transform {
  readonly #digest = createHash('sha256');
  #octets = 0;

  override _transform(chunk: Buffer, _encoding: string, done: (error: Error | null, chunk: Buffer) => void): void {
    this.#octets += chunk.length;
    this.#digest.update(chunk);
    done(null, chunk);
  }

  measured(): { readonly octets: number; readonly sha256: string } {
    return { octets: this.#octets, sha256: this.#digest.copy().digest('hex') };
  }
}
