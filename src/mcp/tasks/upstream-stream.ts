import type { TaskMessage } from '../door/call-door.ts';
import type { HeldStream } from '../hold/stream-answer.ts';
import { headerOf } from '../protocol/header-policy.ts';

/**
 * Opens the server's own stream and has it run on in ours, event bytes as they come. Null when it opens none: then we
 * are alone.
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
    signal: stream.left,
  });
  if (answered.kind !== 'answer' || !(answered.body instanceof ReadableStream)) return null;
  if (!(headerOf(answered.headers, 'content-type') ?? '').startsWith('text/event-stream')) {
    await answered.body.cancel();
    return null;
  }
  return { ended: pump(answered.body, stream) };
}

async function pump(body: ReadableStream<Uint8Array>, stream: HeldStream): Promise<void> {
  const reader = body.getReader();
  stream.left.addEventListener('abort', () => void reader.cancel().catch(() => {}), { once: true });
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    await stream.raw(value);
  }
}
