import { noteStateOfRequest, type StateBearer } from '../../gateway/dispatch/issued-states.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { StreamListener } from '../door/call-door.ts';
import type { AnswerWatch } from '../relay/watch-answer.ts';
import { fieldsOf } from '../sse/fields.ts';
import { questionIn } from './question.ts';
import { watchStream } from './watch-stream.ts';

/**
 * Looks at the answer to an allowed request: for requests on its stream (`watchStream`), and for the state in an answer
 * that asks the agent for something (2026-07-28, MRTR), so that the agent may bring it although a gated call was given the
 * same one. `request`: its kind; null: its answer has no state. Null: no call at this upstream is ever gated.
 */
export function answerWatch(gateway: Gateway, listener: StreamListener, request: string | null): AnswerWatch | null {
  const watchEvent = watchStream(gateway, listener, 'answer');
  if (watchEvent === null) return null;
  if (request === null) return { event: watchEvent, whole: null };
  const { principal, server } = listener;
  const bearer = { grant: principal.grant, server, request };
  return {
    async event(event) {
      const { data } = fieldsOf(new TextDecoder().decode(event));
      if (data !== null) await noteState(gateway, bearer, new TextEncoder().encode(data));
      return watchEvent(event);
    },
    whole: (message) => noteState(gateway, bearer, message),
  };
}

async function noteState(
  gateway: Pick<Gateway, 'clock' | 'log' | 'rules' | 'tasks' | 'vault'>,
  bearer: StateBearer,
  message: Uint8Array,
): Promise<void> {
  try {
    const state = questionIn(message)?.requestState ?? null;
    if (state !== null) await noteStateOfRequest(gateway, bearer, state);
  } catch (error) {
    // Without it the agent is refused once, and told to ask the server anew.
    gateway.log.error({ err: error, server: bearer.server }, 'a state of a server could not be noted');
  }
}
