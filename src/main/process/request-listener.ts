import type { IncomingMessage, RequestListener } from 'node:http';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { HttpApp } from '../../http.ts';
import { isTargetElsewhere, targetElsewhere } from './request-target.ts';

/**
 * What node:http calls with each request: agents' calls go straight to their door, everything else becomes a `Request`. An
 * answer that the door has not written to its socket itself is written like every other one. `hostname`: where a request names no host.
 */
export function requestListener({ fetch, direct }: HttpApp, hostname: string): RequestListener {
  /** Answers of the direct door that are still to be written. */
  const answers = new WeakMap<IncomingMessage, Response>();
  const listener = getRequestListener(
    (request, env) => {
      const { incoming } = env as HttpBindings;
      const answer = answers.get(incoming);
      // As a promise, because what fails while it is written is then handled there.
      if (answer !== undefined) return Promise.resolve(answer);
      return isTargetElsewhere(incoming) ? targetElsewhere() : fetch(request, env);
    },
    { hostname },
  );
  return (incoming, outgoing) => {
    const answered = direct?.(incoming, outgoing) ?? null;
    if (answered === null) return void listener(incoming, outgoing);
    void answered.then((answer) => {
      if (answer === RESPONSE_ALREADY_SENT) return;
      answers.set(incoming, answer);
      void listener(incoming, outgoing);
    });
  };
}
