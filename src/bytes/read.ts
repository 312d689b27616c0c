import { joinInTurns } from './join.ts';

/**
 * The whole body of a request, or null when it is longer than `max` bytes. Nothing beyond the limit is kept or waited
 * for. `announced`: the request's content-length, if it has one.
 */
export async function readBody(
  request: Pick<Request, 'arrayBuffer' | 'body'>,
  announced: string | null,
  max: number,
): Promise<Uint8Array | null> {
  if (announced !== null && /^\d+$/.test(announced)) {
    if (Number(announced) > max) return null;
    // HTTP/1.1 and HTTP/2 both end a body at its announced length, so this reads no more than that, and needs no
    // stream.
    const whole = new Uint8Array(await request.arrayBuffer());
    return whole.length > max ? null : whole;
  }
  return request.body === null ? new Uint8Array(0) : readBounded(request.body, max);
}

/**
 * All bytes of a stream, or null when there are more than `max`; then the stream is cancelled. Rejects when the stream
 * breaks off.
 */
export async function readBounded(stream: ReadableStream<Uint8Array>, max: number): Promise<Uint8Array | null> {
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  for (let length = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return joinInTurns(chunks);
    length += value.length;
    if (length > max) {
      // Not awaited: a sender that never ends would hold the result back.
      reader.cancel().catch(() => {});
      return null;
    }
    chunks.push(value);
  }
}
