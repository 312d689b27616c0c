import type { ExchangeAnswer } from '../../ports.ts';
import { placesIn } from '../json/find.ts';
import { mediaTypeOf } from '../protocol/media-type.ts';
import { largeEventFields } from '../sse/large-event.ts';
import { heardEvents, passedPieces, streamOf } from './pass-heard.ts';

/** Awaited before something is passed on that may belong to a call of before. */
export type Late = () => Promise<void>;

/**
 * The same answer, byte for byte, of something else than a tool call, which may bring what a call of before was to bring. `late`
 * is awaited before each piece; of a stream that was not `asked` for such answers, only before events that may be responses.
 */
export async function hearLate(answer: ExchangeAnswer, late: Late, asked: boolean): Promise<ExchangeAnswer> {
  if (answer.kind !== 'answer' || answer.body === null) return answer;
  const { body, headers } = answer;
  if (body instanceof Uint8Array) {
    await late();
    return answer;
  }
  if (asked || mediaTypeOf(headers) !== 'text/event-stream') return { ...answer, body: passedPieces(body, late) };
  const hear = async (event: Uint8Array): Promise<boolean> => {
    if (await mayBeResponse(event)) await late();
    return false;
  };
  return { ...answer, body: heardEvents(streamOf(body), { hear, unheard: late, over: async () => {} }) };
}

/** What has no method is no notification and no request. */
async function mayBeResponse(event: Uint8Array): Promise<boolean> {
  const { data } = await largeEventFields(event);
  if (data === null || data.length === 0) return false;
  const places = await placesIn(data, [['method']]).catch(() => null);
  return places === null || !places.has('method');
}
