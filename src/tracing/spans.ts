import { AsyncLocalStorage } from 'node:async_hooks';
import type { Tracer } from '@opentelemetry/api';
import type { OpenSpan, TracedCall, TraceMarks, Tracing } from '../ports.ts';
import { LiveCall } from './live-call.ts';

/**
 * Tracing with the spans of OpenTelemetry. `belowAgents`: a call's span is below the agent's own, who then decides whether it
 * is traced; else it begins a trace of ours, to which the agent's context is linked. Which call runs is known by the flow of
 * its asynchronous work.
 */
export function tracingWith(tracer: Tracer, belowAgents: boolean): Tracing {
  const running = new AsyncLocalStorage<LiveCall>();
  const here = (): LiveCall | null => {
    const live = running.getStore();
    return live === undefined || live.ended ? null : live;
  };
  return {
    async call<T>(call: TracedCall, work: () => Promise<T>): Promise<T> {
      const live = new LiveCall(tracer, call, belowAgents);
      const leave = live.enter();
      try {
        return await running.run(live, work);
      } catch (error) {
        live.note({}, error instanceof Error ? error.name : '_OTHER');
        throw error;
      } finally {
        leave();
      }
    },
    begin: (what: string, marks: TraceMarks = {}): OpenSpan | null => here()?.begin(what, marks) ?? null,
    beginUpstream: (method, marks) => here()?.beginUpstream(method, marks) ?? null,
    note: (marks, error = null) => here()?.note(marks, error),
    lasts(work) {
      const leave = here()?.enter();
      if (leave !== undefined) work.then(leave, leave);
    },
  };
}
