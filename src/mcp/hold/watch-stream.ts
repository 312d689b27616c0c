import { mayAskAt } from '../../gateway/dispatch/may-ask-at.ts';
import { gatedCallIn } from '../../gateway/dispatch/server-requests.ts';
import { notePlainRequests } from '../../gateway/dispatch/unasked-answer.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { StreamListener } from '../door/call-door.ts';
import { headersOfGatedCall } from '../protocol/gated-headers.ts';
import { requestKey } from '../protocol/request-key.ts';
import { postMessage } from './post-message.ts';
import { errorAnswer, keepRequests, requestsIn } from './server-requests.ts';

/**
 * Looks at what a server sends outside the streams of gated calls for requests. A server may ask there about a gated
 * call of the same session instead of on that call's stream, and many do.
 *
 * | a request | counts as asked |
 * |---|---|
 * | on the server's own stream (GET), while a gated call of the session runs | during that call |
 * | on the stream of an allowed request, while a gated call of the session runs whose answers need a yes | during that call |
 * | otherwise | outside gated calls: its answer is passed on, also while one runs later |
 *
 * Null: no call at this upstream is ever gated.
 */
export function watchStream(
  gateway: Gateway,
  listener: StreamListener,
  stream: 'own' | 'answer',
): ((event: Uint8Array) => Promise<boolean>) | null {
  const { principal, server, session, requestHeaders } = listener;
  if (!mayAskAt(gateway.rules, server)) return null;
  const place = { grant: principal.grant, server, session };
  return async (event) => {
    const requests = await requestsIn(event);
    if (requests.length === 0) return true;
    const refusals = await refusalsFor(event, requests);
    for (const text of refusals) await postMessage(listener, text, headersOfGatedCall(requestHeaders));
    return refusals.length === 0;
  };

  async function refusalsFor(
    event: Uint8Array,
    requests: Awaited<ReturnType<typeof requestsIn>>,
  ): Promise<readonly string[]> {
    try {
      const approval = await gatedCallIn(gateway, place, stream === 'answer');
      if (approval !== null) return await keepRequests(gateway, { ...place, approval }, event);
      const keys = requests.map(({ id }) => requestKey(id));
      await notePlainRequests(gateway, place, keys);
      return [];
    } catch (error) {
      gateway.log.error({ err: error, server }, 'nobody knows whether a server asks during a gated call');
      // What was not seen to be asked is not answered while a call runs whose answers need a yes (`whyUnasked`).
      if (stream === 'answer') return [];
      // It may be about a gated call, so without the store nobody is asked (P6).
      const why = 'Not passed on to the agent: the gateway cannot keep it now.';
      return requests.map(({ idText }) => errorAnswer(idText, why));
    }
  }
}
