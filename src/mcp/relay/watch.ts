import { MOST_HELD_BYTES } from '../../bytes/held-answer.ts';
import { joinInTurns } from '../../bytes/join.ts';
import type { UpstreamAnswer } from '../../ports.ts';
import { isEventStream } from '../protocol/media-type.ts';
import { SseCutter } from '../sse/cutter.ts';

/**
 * An answer whose events are looked at, one by one, before they are passed on; those for which `watch` resolves to
 * false are left out. Other answers stay as they are. An event over `MOST_HELD_BYTES` breaks the stream off.
 */
export function watched(answer: UpstreamAnswer, watch: (event: Uint8Array) => Promise<boolean>): UpstreamAnswer {
  const { body } = answer;
  if (!isEventStream(answer.headers)) return answer;
  if (!(body instanceof ReadableStream)) return answer;
  const cutter = new SseCutter();
  const reader = body.getReader();
  const passed = new ReadableStream<Uint8Array>({
    async pull(out) {
      for (;;) {
        const { done, value } = await reader.read();
        const events = done ? [cutter.rest()] : cutter.cut(value);
        for (const parts of events) {
          const event = await joinInTurns(parts);
          if (event.length > 0 && (await watch(event))) out.enqueue(event);
        }
        if (done) return out.close();
        if (cutter.pendingBytes > MOST_HELD_BYTES) throw new Error('an event is too long to be looked through');
        if (events.length > 0) return;
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return { ...answer, body: passed };
}
