import { MOST_HELD_BYTES } from '../../bytes/held-answer.ts';
import { readBounded } from '../../bytes/read.ts';
import type { UpstreamAnswer } from '../../ports.ts';

/**
 * Reads an answer's whole body. Rejects when it breaks off, when it is longer than `MOST_HELD_BYTES`, or when the
 * signal is aborted.
 */
export async function readWhole(body: UpstreamAnswer['body'], signal?: AbortSignal): Promise<Uint8Array> {
  if (body === null) return new Uint8Array(0);
  if (body instanceof Uint8Array) return body;
  const bounded = signal === undefined ? body : body.pipeThrough(new TransformStream<Uint8Array>(), { signal });
  const bytes = await readBounded(bounded, MOST_HELD_BYTES);
  if (bytes === null) throw new Error(`longer than ${MOST_HELD_BYTES >> 20} MiB`);
  return bytes;
}
