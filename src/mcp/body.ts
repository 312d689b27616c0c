/** The whole body, or null when it is longer than `max` bytes. What is over the limit is not kept, nor waited for. */
export async function readBody(request: Request, announced: string | null, max: number): Promise<Uint8Array | null> {
  if (announced !== null && /^\d+$/.test(announced)) {
    if (Number(announced) > max) return null;
    // HTTP/1.1 and HTTP/2 both end a body at its announced length, so this reads no more than that.
    const whole = new Uint8Array(await request.arrayBuffer());
    return whole.length > max ? null : whole;
  }
  return readUnannounced(request, max);
}

async function readUnannounced(request: Request, max: number): Promise<Uint8Array | null> {
  if (request.body === null) return new Uint8Array(0);
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return join(chunks, length);
    length += value.length;
    if (length > max) {
      // Not awaited: a sender that never ends would hold the answer back.
      reader.cancel().catch(() => {});
      return null;
    }
    chunks.push(value);
  }
}

export function join(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const only = chunks[0];
  if (chunks.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
