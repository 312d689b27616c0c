import type { Ending } from '../../ports.ts';
import { isEventStream } from '../protocol/media-type.ts';

/** The same answer, whose event stream breaks off with the visit: for runtimes whose socket cannot be closed. */
export function endedWith(ending: Ending, answer: Response): Response {
  const { body } = answer;
  if (body === null || !isEventStream([...answer.headers])) return answer;
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const over = new AbortController();
  const done = ending.onEnd(() => over.abort());
  // Whoever stops reading, the visit included, cancels the stream behind it.
  void body
    .pipeTo(writable, { signal: over.signal })
    .catch(() => undefined)
    .finally(done);
  return new Response(readable, answer);
}
