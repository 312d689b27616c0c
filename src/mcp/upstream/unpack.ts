import { type Duplex, pipeline, Readable, Transform, type TransformCallback } from 'node:stream';
import * as zlib from 'node:zlib';
import { MOST_HELD_BYTES } from '../../bytes/held-answer.ts';

/** Content codings on top of each other that are undone; more is nothing but an attack. */
const MOST_CODINGS = 2;
/** Beyond `MOST_HELD_BYTES`, how many times as long as what came a body may become: JSON and text stay far below it. */
const MOST_EXPANSION = 200;

/** The packed body was broken, or became too long. Who reads the stream breaks it off, and writes nothing more. */
export class UnpackError extends Error {
  readonly code = 'ERR_STREAM_PREMATURE_CLOSE';
}

/** What a `Content-Encoding` says: the codings in the order in which they were applied; `identity` is none. */
export function codingsOf(contentEncoding: string): readonly string[] {
  return contentEncoding
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
}

/** The first coding that cannot be undone in this runtime, or `too many`; null: all of them can. */
export function unknownCoding(codings: readonly string[]): string | null {
  if (codings.length > MOST_CODINGS) return 'too many codings';
  const unknown = codings.find((coding) => unpackerFor(coding) === null);
  return unknown === undefined ? null : unknown.replaceAll(/[^\w-]/g, '?').slice(0, 20);
}

/**
 * The body with its codings undone, as it comes: gzip, deflate (with and without the zlib header), br and zstd, each
 * where the runtime's `node:zlib` has it. A packed body that ends early simply ends, as in browsers and in the SDKs.
 * Fails with an `UnpackError` when it is broken, or when it becomes longer than 64 MiB and than 200 times what came.
 */
export function unpacked(
  body: ReadableStream<Uint8Array> | Uint8Array,
  codings: readonly string[],
): ReadableStream<Uint8Array> {
  const source = body instanceof Uint8Array ? Readable.from([body]) : Readable.fromWeb(body as never);
  let [packed, length] = [0, 0];
  source.on('data', (chunk: Uint8Array) => {
    packed += chunk.length;
  });
  source.pause();
  const steps = codings.toReversed().map((coding) => unpackerFor(coding)!());
  const last = steps.at(-1)!;
  let failure: Error | null = null;
  // Whoever reads the last step learns of its failure there.
  pipeline([source, ...steps], (error) => {
    failure ??= error ?? null;
  });
  const chunks = last[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  return new ReadableStream<Uint8Array>(
    {
      async pull(out) {
        try {
          const { done, value } = await chunks.next();
          if (done) return out.close();
          length += value.length;
          if (length > MOST_HELD_BYTES && length > packed * MOST_EXPANSION) {
            throw new UnpackError(`unpacked, it has more than ${MOST_HELD_BYTES >> 20} MiB`);
          }
          out.enqueue(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
        } catch (error) {
          last.destroy();
          throw error instanceof UnpackError ? error : new UnpackError(wordsFor(failure ?? error));
        }
      },
      cancel: () => void last.destroy(),
    },
    { highWaterMark: 0 },
  );
}

/** zlib's own words name no addresses; a broken connection has a code. */
function wordsFor(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'FAILED';
  return code.startsWith('Z_') || code.startsWith('ERR_')
    ? `it cannot be unpacked (${code})`
    : `it broke off (${code})`;
}

const { Z_SYNC_FLUSH: FLUSH, BROTLI_OPERATION_FLUSH: BROTLI_FLUSH, ZSTD_e_flush: ZSTD_FLUSH } = zlib.constants;
const ZLIB = { flush: FLUSH, finishFlush: FLUSH };
const DEFLATED = 8;

/** Null: this runtime cannot undo it. Cloudflare Workers have no zstd. */
function unpackerFor(coding: string): (() => Duplex) | null {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return () => zlib.createGunzip(ZLIB);
    case 'deflate':
      return () => new Inflater();
    case 'br':
      return () => zlib.createBrotliDecompress({ flush: BROTLI_FLUSH, finishFlush: BROTLI_FLUSH });
    case 'zstd': {
      const create = zlib.createZstdDecompress as typeof zlib.createZstdDecompress | undefined;
      return create === undefined ? null : () => create({ flush: ZSTD_FLUSH, finishFlush: ZSTD_FLUSH });
    }
    default:
      return null;
  }
}

/** `deflate` means the zlib format, but some servers send it without its header, and clients take both. */
class Inflater extends Transform {
  #inflate: Transform | null = null;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.#inflate === null) {
      const withHeader = (chunk[0]! & 0x0f) === DEFLATED;
      this.#inflate = withHeader ? zlib.createInflate(ZLIB) : zlib.createInflateRaw(ZLIB);
      this.#inflate.on('data', (part: Buffer) => {
        if (!this.push(part)) this.#inflate?.pause();
      });
      this.#inflate.on('error', (error) => this.destroy(error));
    }
    this.#inflate.write(chunk, () => done());
  }

  override _read(size: number): void {
    this.#inflate?.resume();
    super._read(size);
  }

  override _flush(done: TransformCallback): void {
    if (this.#inflate === null) done();
    else this.#inflate.once('end', () => done()).end();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#inflate?.destroy();
    super._destroy(error, done);
  }
}
