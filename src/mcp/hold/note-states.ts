import { noteStateOfRequest, type StateBearer } from '../../gateway/dispatch/issued-states.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { fieldsOf } from '../sse/fields.ts';
import { questionIn } from './question.ts';

/**
 * Reads the state in an answer to an allowed request that asks its agent for something (2026-07-28, MRTR), so that the
 * agent may bring it although a gated call was given the same one.
 */
export function stateNoter(
  gateway: Pick<Gateway, 'clock' | 'log' | 'rules' | 'tasks' | 'vault'>,
  bearer: StateBearer,
): (message: Uint8Array, isEvent: boolean) => Promise<void> {
  return async (message, isEvent) => {
    try {
      const data = isEvent ? fieldsOf(new TextDecoder().decode(message)).data : null;
      const state = questionIn(data === null ? message : new TextEncoder().encode(data))?.requestState ?? null;
      if (state !== null) await noteStateOfRequest(gateway, bearer, state);
    } catch (error) {
      // Without it the agent is refused once, and told to ask the server anew.
      gateway.log.error({ err: error, server: bearer.server }, 'a state of a server could not be noted');
    }
  };
}
