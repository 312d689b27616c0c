/**
 * Takes the time of agents' calls for operators who collect traces. Absent where nobody does: then nothing is loaded and
 * nothing is done. Never throws, and never holds an argument, a result or a secret.
 */
export interface Tracing {
  /**
   * Runs the work of a call inside a span of its own, the parent of all that begins meanwhile. The span lasts until the
   * work and everything that was begun below it has ended, so it covers an answer that is written later.
   */
  call<T>(call: TracedCall, work: () => Promise<T>): Promise<T>;
  /** Begins a span below the call that runs here; null: no call is traced here. */
  begin(what: 'hold' | 'dispatch', marks?: TraceMarks): OpenSpan | null;
  /** The same for a request to a server. `method`: that of its message; null: it is a response. */
  beginUpstream(method: string | null, marks: TraceMarks): OpenSpan | null;
  /** Adds to the span of the call that runs here. `error`: a short name of what went wrong. */
  note(marks: TraceMarks, error?: string | null): void;
  /** The call that runs here lasts at least until this has ended. */
  lasts(work: Promise<unknown>): void;
}

/** Short facts of a span, by name. */
export type TraceMarks = Readonly<Record<string, string | number | boolean>>;

export interface OpenSpan {
  /** Does nothing when it has ended before. `error`: a short name of what went wrong. */
  end(marks?: TraceMarks, error?: string | null): void;
}

/** A `tools/call` as a trace shows it. */
export interface TracedCall {
  readonly server: string;
  readonly tool: string;
  readonly grant: string;
  /** The JSON-RPC id, as JSON text. */
  readonly requestId: string;
  /** A keyed digest of the session's id; null where there is none. */
  readonly session: string | null;
  readonly protocolVersion: string;
  /** Trace context of the message (`params._meta`); null: it has none. */
  readonly inMessage: TraceParent | null;
  /** That of the HTTP request that brought it. */
  readonly inHeaders: TraceParent | null;
}

/** W3C Trace Context, as it was sent. */
export interface TraceParent {
  readonly traceparent: string;
  readonly tracestate: string | null;
}
