import { concatBytes } from '../../bytes/join.ts';
import type { CallEnd, HeardCall } from '../../gateway/state/heard-call.ts';
import type { ExchangeAnswer } from '../../ports.ts';
import { placesIn } from '../json/find.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { mediaTypeOf } from '../protocol/media-type.ts';
import { largeEventFields } from '../sse/large-event.ts';
import { responseIn } from '../upstream/response.ts';
import { heardEvents, MOST_HEARD_BYTES, passedPieces, reading, streamOf } from './pass-heard.ts';

/**
 * The same answer, byte for byte. Before the response to the request is passed on, the call is told how it ended; before
 * anything else of the answer, that something came. A result proves success that is no error, no `isError`, no question back and
 * no task that still runs. An answer that is packed, or longer than 8 MiB, proves nothing; nor does a stream that is over
 * without the response, which may come by another one where streams are `resumable`.
 */
export async function hearEnd(
  answer: ExchangeAnswer,
  idText: string,
  call: HeardCall,
  resumable: boolean,
): Promise<ExchangeAnswer> {
  if (answer.kind !== 'answer') return answer;
  const { body, headers, status } = answer;
  const type = mediaTypeOf(headers);
  let hasEnded = false;
  const end = async (how: CallEnd): Promise<void> => {
    if (hasEnded) return;
    hasEnded = true;
    await call.ended(how);
  };
  const isGood = status >= 200 && status < 300;
  const isHeard = isGood && headerOf(headers, 'content-encoding') === null;
  const isStream = type === 'text/event-stream';
  if (body === null || !isHeard || !(isStream || type === 'application/json')) {
    await end(isGood && body !== null ? 'unfinished' : 'failed');
    return body instanceof ReadableStream ? { ...answer, body: passedPieces(body, call.came) } : answer;
  }
  const hear = async (message: Uint8Array): Promise<boolean> => {
    const { outcome } = await responseIn(message, idText);
    if (outcome === null) return false;
    await end(outcome.failed ? 'failed' : await endOf(outcome.response));
    return true;
  };
  if (!isStream) return { ...answer, body: await heardWhole(body, { hear, end, came: call.came }) };
  const hearEvent = async (event: Uint8Array): Promise<boolean> => {
    const heard = await hears(event, hear);
    if (!heard) await call.came();
    return heard;
  };
  const over = (): Promise<void> => end(resumable ? 'unfinished' : 'failed');
  return { ...answer, body: heardEvents(streamOf(body), { hear: hearEvent, unheard: call.came, over }) };
}

const ASKED = [['result'], ['result', 'resultType'], ['result', 'task']] as const;

/** A question (2026-07-28) and a task (2025-11-25) are not the end of a call. */
async function endOf(response: Uint8Array): Promise<CallEnd> {
  const places = await placesIn(response, ASKED);
  if (places === null || !places.has('result') || places.has('result task')) return 'unfinished';
  const type = places.get('result resultType');
  if (type === undefined) return 'succeeded';
  const said = new TextDecoder().decode(response.subarray(type.start, type.end));
  return said === '"complete"' ? 'succeeded' : said === '"input_required"' ? 'failed' : 'unfinished';
}

type Hear = (message: Uint8Array) => Promise<boolean>;

interface Whole {
  readonly hear: Hear;
  readonly end: (how: CallEnd) => Promise<void>;
  readonly came: () => Promise<void>;
}

/** The last piece is held back until the whole was heard; the others pass at once. */
async function heardWhole(
  body: ReadableStream<Uint8Array> | Uint8Array,
  { hear, end, came }: Whole,
): Promise<ReadableStream<Uint8Array> | Uint8Array> {
  if (body instanceof Uint8Array) {
    const isHeard = body.length <= MOST_HEARD_BYTES && (await hear(body).catch(() => false));
    if (!isHeard) await end(body.length <= MOST_HEARD_BYTES ? 'failed' : 'unfinished');
    return body;
  }
  const reader = body.getReader();
  const read = reading(reader, () => end('failed'));
  let pieces: Uint8Array[] | null = [];
  let length = 0;
  let held: Uint8Array | null = null;
  return new ReadableStream<Uint8Array>(
    {
      async pull(out) {
        for (;;) {
          const { done, value } = await read();
          if (done) {
            const isHeard = pieces !== null && (await hear(concatBytes(pieces, length)).catch(() => false));
            if (!isHeard) await end(pieces === null ? 'unfinished' : 'failed');
            if (held !== null) out.enqueue(held);
            return out.close();
          }
          length += value.length;
          if (length > MOST_HEARD_BYTES) pieces = null;
          pieces?.push(value.slice());
          const ready: Uint8Array | null = held;
          held = value;
          if (ready === null) continue;
          await came();
          return out.enqueue(ready);
        }
      },
      // What is no stream comes by no other one.
      cancel: (reason) => Promise.all([reader.cancel(reason), end('failed')]).then(() => {}),
    },
    { highWaterMark: 0 },
  );
}

async function hears(event: Uint8Array, hear: Hear): Promise<boolean> {
  const { data } = await largeEventFields(event);
  return data !== null && data.length > 0 && (await hear(data).catch(() => false));
}
