import { mayAsk } from '../../domain/policy/policy.ts';
import { gatedCallIn } from '../../gateway/dispatch/server-requests.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { StreamListener } from '../door/call-door.ts';
import { headersOfGatedCall } from '../protocol/gated-headers.ts';
import { postMessage } from './post-message.ts';
import { errorAnswer, keepRequests, requestsIn } from './server-requests.ts';

/**
 * Looks at the server's own stream (GET) for requests that it sends while a gated call of the same session runs: a
 * server may ask there instead of on the call's stream, and many do. They count as asked during that call. Null: no
 * call of this server is ever gated.
 */
export function watchStream(
  gateway: Gateway,
  listener: StreamListener,
): ((event: Uint8Array) => Promise<boolean>) | null {
  const { principal, server, session, requestHeaders } = listener;
  const policy = gateway.rules.policy(server);
  if (policy === null || !mayAsk(policy)) return null;
  const place = { grant: principal.grant, server, session };
  return async (event) => {
    if ((await requestsIn(event)).length === 0) return true;
    const refusals = await refusalsFor(event);
    for (const text of refusals) await postMessage(listener, text, headersOfGatedCall(requestHeaders));
    return refusals.length === 0;
  };

  async function refusalsFor(event: Uint8Array): Promise<readonly string[]> {
    try {
      const approval = await gatedCallIn(gateway, place);
      return approval === null ? [] : await keepRequests(gateway, { ...place, approval }, event);
    } catch (error) {
      // It may be about a gated call, so without the store nobody is asked (P6).
      gateway.log.error({ err: error, server }, 'nobody knows whether a server asks during a gated call');
      const why = 'Not passed on to the agent: the gateway cannot keep it now.';
      return (await requestsIn(event)).map(({ idText }) => errorAnswer(idText, why));
    }
  }
}
