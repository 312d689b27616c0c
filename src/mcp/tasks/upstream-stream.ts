import type { TaskMessage } from '../door/call-door.ts';
import type { HeldStream } from '../hold/stream-answer.ts';
import { headerOf } from '../protocol/header-policy.ts';

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
  if (!(headerOf(answered.headers, 'content-type') ?? '').startsWith('text/event-stream')) {
    await answered.body.cancel();
    return null;
  }
  return { ended: copy(answered.body, stream) };
}

async function copy(body: ReadableStream<Uint8Array>, stream: HeldStream): Promise<void> {
  const reader = body.getReader();
  stream.readerGone.addEventListener('abort', () => void reader.cancel().catch(() => {}), { once: true });
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    await stream.raw(value);
  }
}
