import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Agent } from '../../support/agent/agent.ts';
import { type Collector, collector } from '../../support/audit/collector.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
  create_key: { action: require_approval, reason: Makes a credential., redact: [args.seed] }
`;
const IN_MESSAGE = { trace: '0af7651916cd43dd8448eb211c80319c', span: 'b7ad6b7169203331' };
const IN_HEADER = { trace: '4bf92f3577b34da6a3ce929d0e0e4736', span: '00f067aa0ba902b7' };
const MARKERS = ['marker-argument', 'marker-seed', 'marker-result', 'marker-key'];

/** As OTLP/HTTP sends it in JSON. */
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { key: string; value: { stringValue?: string; intValue?: number | string } }[];
  readonly links?: readonly { traceId: string; spanId: string }[];
  readonly status: { code?: number };
}

const [INTERNAL, SERVER, CLIENT] = [1, 2, 3];
const parentOf = ({ trace, span }: { trace: string; span: string }): string => `00-${trace}-${span}-01`;

describe('traces of a running gateway', () => {
  let upstream: Collector;
  let traces: Collector;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;

  before(async () => {
    upstream = await collector();
    upstream.answer = ({ body }) => {
      const { id, method } = JSON.parse(body) as { id?: number; method: string };
      if (id === undefined) return { status: 202 };
      const result =
        method === 'initialize'
          ? { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: { name: 'x', version: '1' } }
          : { content: [{ type: 'text', text: 'marker-result' }] };
      return { status: 200, body: JSON.stringify({ jsonrpc: '2.0', id, result }) };
    };
    traces = await collector();
    house = await openHouse({ servers: { tools: { at: `url: "${upstream.url}/mcp"`, policy: POLICY } } });
    gateway = await house.start({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: traces.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_EXPORTER_OTLP_HEADERS: 'api-key=marker-key',
        OTEL_SERVICE_NAME: 'gate-of-tests',
        OTEL_BSP_SCHEDULE_DELAY: '100',
      },
    });
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
  });
  after(async () => {
    await house.close();
    await Promise.all([upstream.close(), traces.close()]);
  });

  async function call(name: string, id: number, context: { meta?: string; header?: string } = {}): Promise<string> {
    const params = {
      name,
      arguments: { note: 'marker-argument', seed: 'marker-seed' },
      ...(context.meta === undefined ? {} : { _meta: { traceparent: context.meta } }),
    };
    const headers: Record<string, string> = context.header === undefined ? {} : { traceparent: context.header };
    return (await agent.post({ jsonrpc: '2.0', id, method: 'tools/call', params }, { headers })).text();
  }

  const spans = (): Span[] =>
    traces.received.flatMap(({ body }) => {
      const { resourceSpans } = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] };
      return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
    });
  const marks = ({ attributes }: Span): Record<string, unknown> =>
    Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
  /** The span of the call with this id, once it was sent: it comes when all below it has ended. */
  const spanOf = (id: number): Promise<Span> =>
    eventually(`the span of ${id}`, () => {
      return spans().find((one) => one.kind === SERVER && marks(one)['jsonrpc.request.id'] === String(id)) ?? null;
    });
  const below = ({ spanId }: Span): Span[] => spans().filter(({ parentSpanId }) => parentSpanId === spanId);

  test('an allowed call is a span of the trace in its message, and the request to the server one below it', async () => {
    await call('read', 901, { meta: parentOf(IN_MESSAGE), header: parentOf(IN_HEADER) });
    const span = await spanOf(901);
    assert.deepEqual(
      [span.name, span.traceId, span.parentSpanId],
      [`tools/call read`, IN_MESSAGE.trace, IN_MESSAGE.span],
    );
    assert.deepEqual(
      span.links?.map(({ traceId, spanId }) => ({ trace: traceId, span: spanId })),
      [IN_HEADER],
    );
    const said = marks(span);
    for (const [name, value] of [
      ['mcp.method.name', 'tools/call'],
      ['gen_ai.operation.name', 'execute_tool'],
      ['gen_ai.tool.name', 'read'],
      ['holdfast.server', 'tools'],
      ['holdfast.handled', 'forward'],
    ] as const) {
      assert.equal(said[name], value, name);
    }
    const [request, ...more] = below(span);
    assert.deepEqual([request!.name, request!.kind, more.length], ['tools/call read', CLIENT, 0]);
    assert.equal(marks(request!)['server.address'], '127.0.0.1');
  });

  test('P9: what is forwarded is what the agent sent: no trace context of ours', async () => {
    const sent = upstream.received.filter(({ body }) => body.includes('"read"')).at(-1)!;
    assert.equal(sent.headers.traceparent, parentOf(IN_HEADER));
    assert.equal(JSON.parse(sent.body).params._meta.traceparent, parentOf(IN_MESSAGE));
  });

  test('a held call: hold, dispatch and the request to the server, one after the other, below the call', async () => {
    const answered = call('create_key', 902, { header: parentOf(IN_HEADER) });
    const { id } = await gateway.pending('create_key');
    await house.approve(id);
    assert.match(await answered, /marker-result/);
    const span = await spanOf(902);
    assert.deepEqual([span.traceId, span.parentSpanId, span.links ?? []], [IN_HEADER.trace, IN_HEADER.span, []]);
    assert.deepEqual(
      [marks(span)['holdfast.approval.id'], marks(span)['holdfast.approval.state'], marks(span)['holdfast.handled']],
      [id, 'succeeded', 'held'],
    );
    const parts = below(span).sort((a, b) => Number(BigInt(a.startTimeUnixNano) - BigInt(b.startTimeUnixNano)));
    assert.deepEqual(
      parts.map(({ name, kind }) => [name, kind]),
      [
        ['hold', INTERNAL],
        ['dispatch', INTERNAL],
        ['tools/call create_key', CLIENT],
      ],
    );
    const [hold, dispatch, request] = parts as [Span, Span, Span];
    assert.ok(BigInt(hold.endTimeUnixNano) <= BigInt(dispatch.startTimeUnixNano));
    assert.ok(BigInt(dispatch.endTimeUnixNano) <= BigInt(request.startTimeUnixNano));
    assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(request.endTimeUnixNano));
    const [carried] = upstream.received.filter(({ body }) => body.includes('"create_key"'));
    assert.equal(carried!.headers.traceparent, parentOf(IN_HEADER));
  });

  test('a denied call is an error of the tool, and nothing was sent', async () => {
    await call('never_heard_of', 903);
    const span = await spanOf(903);
    assert.deepEqual(
      [span.parentSpanId ?? '', span.status.code, marks(span)['error.type'], marks(span)['holdfast.handled']],
      ['', 2, 'tool_error', 'denied'],
    );
    assert.deepEqual(below(span), []);
  });

  test('P8: no argument, no result and no secret is in a trace', () => {
    const all = traces.received.map(({ body }) => body).join('\n');
    assert.match(all, /gate-of-tests/);
    const secrets = [...MARKERS, house.tokens.agent!, house.adminToken];
    assert.deepEqual(
      secrets.filter((secret) => all.includes(secret)),
      [],
    );
    assert.ok(
      traces.received.every(({ headers, path }) => headers['api-key'] === 'marker-key' && path === '/v1/traces'),
    );
  });

  test('the last spans are sent at the end, and a collector that is gone keeps no gateway from ending', async () => {
    await call('read', 904);
    assert.equal(await gateway.stop(), 0);
    assert.ok(spans().some((one) => marks(one)['jsonrpc.request.id'] === '904'));
  });

  test('without parentbased_ an agent’s trace id has no say in the ratio: each call begins a trace of its own', async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: traces.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' };
    const sampled = {
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '1',
      OTEL_BSP_SCHEDULE_DELAY: '100',
    };
    gateway = await house.start({ env: { ...env, ...sampled } });
    agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
    await call('read', 905, { meta: parentOf(IN_MESSAGE), header: parentOf(IN_HEADER) });
    const span = await spanOf(905);
    assert.equal(span.parentSpanId ?? '', '');
    assert.ok(![IN_MESSAGE.trace, IN_HEADER.trace].includes(span.traceId));
    assert.deepEqual(
      span.links?.map(({ traceId, spanId }) => ({ trace: traceId, span: spanId })),
      [IN_MESSAGE, IN_HEADER],
    );
    await gateway.stop();
  });
});

/** Node reports every module that is loaded, to a file. */
function reporting(file: string): string {
  const code = `import{registerHooks}from'node:module';import{appendFileSync}from'node:fs';registerHooks({load(url,c,n){if(url.includes('@opentelemetry'))appendFileSync(${JSON.stringify(file)},url+'\\n');return n(url,c)}})`;
  return `--import=data:text/javascript,${encodeURIComponent(code)}`;
}

test('nothing of OpenTelemetry is loaded where no endpoint is set, or it is switched off', async () => {
  const house = await openHouse({ servers: { tools: { at: 'url: "http://127.0.0.1:9/mcp"', policy: POLICY } } });
  /** The packages that a gateway with this environment loads. */
  async function loadedWith(name: string, env: Record<string, string>): Promise<string[]> {
    const file = join(house.folder, name);
    const gateway = await house.start({ env: { NODE_OPTIONS: reporting(file), ...env } });
    await gateway.stop();
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
    const packages = lines.flatMap((line) => /@opentelemetry\/([\w-]+)/.exec(line)?.[1] ?? []);
    return [...new Set(packages)].sort();
  }
  try {
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };
    // The library of the metrics needs the interfaces, as it did before there were traces.
    assert.deepEqual(await loadedWith('none', {}), ['api']);
    assert.deepEqual(await loadedWith('off', { ...endpoint, OTEL_SDK_DISABLED: 'true' }), ['api']);
    assert.ok((await loadedWith('on', endpoint)).includes('sdk-trace'));
  } finally {
    await house.close();
  }
});
