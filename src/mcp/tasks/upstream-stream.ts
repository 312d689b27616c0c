import { withoutMark } from '../../bytes/byte-order-mark.ts';
import type { TaskMessage } from '../door/call-door.ts';
import type { HeldStream } from '../hold/stream-answer.ts';
import { isEventStream } from '../protocol/media-type.ts';
import { readableAnswer } from '../upstream/readable.ts';

/**
 * Opens the server's own stream for `text` and copies its bytes into ours. `ended` resolves when the server ends it.
 * Null: the server opens no stream.
 */
export async function upstreamTaskStream(
  message: TaskMessage,
  text: string,
  stream: HeldStream,
): Promise<{ readonly ended: Promise<void> } | null> {
  const answered = await message.upstream.exchange({
    method: 'POST',
    headers: message.headers,
    body: new TextEncoder().encode(text),
    grant: message.principal.grant,
    signal: stream.readerGone,
  });
  if (answered.kind !== 'answer' || !(answered.body instanceof ReadableStream)) return null;
  const readable = readableAnswer(answered);
  if (readable.kind === 'unreadable' || !isEventStream(readable.headers)) {
    await answered.body.cancel();
    return null;
  }
  return readable.body instanceof ReadableStream ? { ended: copy(readable.body, stream) } : null;
}

async function copy(body: ReadableStream<Uint8Array>, stream: HeldStream): Promise<void> {
  const reader = body.getReader();
  stream.readerGone.addEventListener('abort', () => void reader.cancel().catch(() => {}), { once: true });
  for (let isFirst = true; ; isFirst = false) {
    const { done, value } = await reader.read();
    if (done) return;
    // Our stream has begun, and a byte order mark would no longer be dropped there.
    await stream.raw(isFirst ? withoutMark(value) : value);
  }
}
