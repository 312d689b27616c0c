import type { ExchangeAnswer } from '../../ports.ts';
import type { AgentAnswer } from '../door/call-door.ts';
import { discardAnswer } from '../relay/relay.ts';
import { notRunBy } from '../upstream/not-run.ts';
import { sentHeaders } from './request.ts';

/** Whose messages go where. */
interface MessageSender extends Pick<AgentAnswer, 'configured' | 'sessionId' | 'upstream'> {
  readonly principal: { readonly grant: string };
}

/**
 * Posts a message to the server in the agent's session. Its answer's body is not read. `not_sent`, too: its status says
 * that the server took nothing.
 */
export async function postMessage(
  { upstream, configured, sessionId, principal }: MessageSender,
  text: string,
  headers: Readonly<Record<string, string>>,
): Promise<ExchangeAnswer> {
  const answered = await upstream.exchange({
    method: 'POST',
    headers: sentHeaders(headers, configured, { sessionId, revision: null }),
    body: new TextEncoder().encode(text),
    grant: principal.grant,
    whenAbandoned: 'drain',
  });
  discardAnswer(answered);
  const notRun = answered.kind === 'answer' ? notRunBy(answered, upstream.notRun, sessionId !== null) : null;
  // In a session that is over nobody waits for the message any more, so sending it again is of no use.
  return notRun === null || notRun.sessionLost ? answered : { kind: 'not_sent', why: notRun.why };
}
