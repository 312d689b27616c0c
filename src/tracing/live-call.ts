import {
  type Attributes,
  type Context,
  defaultTextMapGetter,
  type HrTime,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import type { OpenSpan, TracedCall, TraceMarks, TraceParent } from '../ports.ts';

/** Longest text of an attribute, in UTF-16 units: agents choose the names of tools and the ids of requests. */
const LONGEST = 256;
const W3C = new W3CTraceContextPropagator();

/** One call under way: its own span, and how much is still open below it. */
export class LiveCall {
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #context: Context;
  /** What every span of a message of this call says, by the conventions for MCP. */
  readonly #common: Attributes;
  readonly #tool: string;
  readonly #began = { at: Date.now(), ran: performance.now() };
  #open = 0;
  #ended = false;

  constructor(tracer: Tracer, call: TracedCall, belowAgents: boolean) {
    this.#tracer = tracer;
    this.#tool = short(call.tool);
    this.#common = {
      'mcp.method.name': 'tools/call',
      'mcp.protocol.version': short(call.protocolVersion),
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': this.#tool,
      'holdfast.server': call.server,
      ...(call.session === null ? {} : { 'mcp.session.id': call.session }),
    };
    const attributes = {
      ...this.#common,
      'holdfast.grant': call.grant,
      'network.transport': 'tcp',
      'network.protocol.name': 'http',
      ...idOf(call.requestId),
    };
    const [message, request] = [contextOf(call.inMessage), contextOf(call.inHeaders)];
    // The message's own context comes first; that of the HTTP request which brought it is linked (conventions for MCP).
    const ambient = message === null || request === null ? undefined : trace.getSpanContext(request);
    const isOther = ambient !== undefined && ambient.spanId !== trace.getSpanContext(message!)?.spanId;
    const agents = message ?? request;
    // The ratio of a sampler is taken by the trace's id, which an agent chooses: where it has no say, neither has its id.
    const parent = belowAgents ? (agents ?? ROOT_CONTEXT) : ROOT_CONTEXT;
    const above = belowAgents || agents === null ? undefined : trace.getSpanContext(agents);
    const links = [above, isOther ? ambient : undefined].flatMap((context) =>
      context === undefined ? [] : [{ context }],
    );
    const name = `tools/call ${this.#tool}`;
    this.#span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes, links, startTime: this.#now() }, parent);
    this.#context = trace.setSpan(parent, this.#span);
  }

  /** Nothing may begin below a span that has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  note(marks: TraceMarks, error: string | null): void {
    if (!this.#ended) mark(this.#span, marks, error);
  }

  /** Keeps the span open until the function that is returned is called. */
  enter(): () => void {
    this.#open += 1;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#open -= 1;
      if (this.#open > 0) return;
      this.#ended = true;
      this.#span.end(this.#now());
    };
  }

  begin(what: string, marks: TraceMarks): OpenSpan {
    return this.#child(what, SpanKind.INTERNAL, marks);
  }

  beginUpstream(method: string | null, marks: TraceMarks): OpenSpan {
    if (method === 'tools/call')
      return this.#child(`${method} ${this.#tool}`, SpanKind.CLIENT, { ...this.#marks(), ...marks });
    const named = method === null ? {} : { 'mcp.method.name': short(method) };
    return this.#child(method === null ? 'response' : short(method), SpanKind.CLIENT, { ...named, ...marks });
  }

  #marks(): TraceMarks {
    return this.#common as TraceMarks;
  }

  /** The spans of one call have one clock: it is set once, and runs evenly whatever happens to the machine's. */
  #now(): HrTime {
    const ms = this.#began.at + performance.now() - this.#began.ran;
    const seconds = Math.floor(ms / 1_000);
    return [seconds, Math.round((ms - seconds * 1_000) * 1e6)];
  }

  #child(name: string, kind: SpanKind, marks: TraceMarks): OpenSpan {
    const leave = this.enter();
    const span = this.#tracer.startSpan(
      name,
      { kind, attributes: { ...marks }, startTime: this.#now() },
      this.#context,
    );
    let over = false;
    return {
      end: (more = {}, error = null) => {
        if (over) return;
        over = true;
        mark(span, more, error);
        span.end(this.#now());
        leave();
      },
    };
  }
}

function mark(span: Span, marks: TraceMarks, error: string | null): void {
  span.setAttributes({ ...marks });
  if (error === null) return;
  span.setAttribute('error.type', error);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

function contextOf(parent: TraceParent | null): Context | null {
  if (parent === null) return null;
  const { traceparent, tracestate } = parent;
  const carrier = { traceparent, ...(tracestate === null ? {} : { tracestate }) };
  const found = W3C.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter);
  return trace.getSpanContext(found) === undefined ? null : found;
}

/** The id without the quotation marks of JSON; `null` is none. */
function idOf(idText: string): Attributes {
  if (idText === 'null') return {};
  const id: unknown = idText.startsWith('"') ? JSON.parse(idText) : idText;
  return { 'jsonrpc.request.id': short(String(id)) };
}

function short(text: string): string {
  return text.slice(0, LONGEST).toWellFormed();
}
