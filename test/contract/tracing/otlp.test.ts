import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { tracedUpstream } from '../../../src/main/upstream/traced.ts';
import type { ExchangeAnswer, TracedCall, Upstream } from '../../../src/ports.ts';
import { type OpenTracing, openTracing } from '../../../src/tracing/open.ts';
import type { TracingSettings } from '../../../src/tracing/settings.ts';
import { type Collector, collector } from '../../support/audit/collector.ts';

const SETTINGS: TracingSettings = {
  protocol: 'http/json',
  sampler: { kind: 'always_on', parentBased: true, ratio: 1 },
  batch: { scheduledDelayMillis: 60_000 },
};
const CALL: TracedCall = {
  server: 'tools',
  tool: 'read',
  grant: 'agent',
  requestId: '"r-1"',
  session: null,
  protocolVersion: '2025-06-18',
  inMessage: null,
  inHeaders: null,
};

let received: Collector;
before(async () => {
  received = await collector();
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = received.url;
});
after(() => received.close());

/** What is sent of this, as it was sent. */
async function sentBy(work: (open: OpenTracing) => Promise<unknown>, settings = SETTINGS) {
  received.received.length = 0;
  const open = await openTracing(settings, 'one');
  await work(open);
  await open.close();
  return [...received.received];
}

type SentSpan = { name: string; status: { code?: number }; attributes: { key: string; value: object }[] };
async function spansOf(work: (open: OpenTracing) => Promise<unknown>, settings = SETTINGS): Promise<SentSpan[]> {
  const sent = await sentBy(work, settings);
  return sent.flatMap(({ body }) => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans as SentSpan[]);
}

test('both forms of OTLP over HTTP are sent', async () => {
  for (const [protocol, type] of [
    ['http/protobuf', 'application/x-protobuf'],
    ['http/json', 'application/json'],
  ] as const) {
    const [sent, ...more] = await sentBy(({ tracing }) => tracing.call(CALL, async () => 1), { ...SETTINGS, protocol });
    assert.deepEqual([sent!.headers['content-type'], sent!.path, more.length], [type, '/v1/traces', 0]);
    assert.match(sent!.body, /tools\/call read/);
    assert.match(sent!.body, /service\.name.{1,40}holdfast/s);
  }
});

test('a caller that samples nothing is followed, and so is a sampler that takes nothing', async () => {
  const unsampled = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`, tracestate: null };
  assert.deepEqual(await sentBy(({ tracing }) => tracing.call({ ...CALL, inMessage: unsampled }, async () => 1)), []);
  const off = { ...SETTINGS, sampler: { kind: 'always_off', parentBased: true, ratio: 1 } } as const;
  assert.deepEqual(await sentBy(({ tracing }) => tracing.call(CALL, async () => 1), off), []);
});

test('a call lasts until what was begun below it has ended, and nothing begins after it or outside of one', async () => {
  let late: () => unknown = () => undefined;
  const spans = await spansOf(async ({ tracing }) => {
    assert.equal(tracing.begin('hold'), null);
    let goOn = (): void => undefined;
    const answer = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    await tracing.call(CALL, async () => {
      tracing.lasts(answer.then(() => tracing.begin('dispatch')?.end({}, 'full')));
      late = () => tracing.begin('hold');
    });
    goOn();
    await answer;
    await Promise.resolve();
    await tracing.call(CALL, () => Promise.reject(new TypeError('marker'))).catch(() => undefined);
    assert.equal(late(), null);
  });
  assert.deepEqual(
    spans.map(({ name, status }) => [name, status.code]),
    [
      ['dispatch', 2],
      ['tools/call read', 0],
      ['tools/call read', 2],
    ],
  );
  assert.doesNotMatch(JSON.stringify(spans), /marker/);
});

test('the answer of a server passes as it came: its pieces, its end, its failure and who gives it up', async () => {
  const pieces = ['one', 'two'].map((text) => new TextEncoder().encode(text));
  let cancelled: unknown = null;
  const answer = (body: ReadableStream<Uint8Array> | null): ExchangeAnswer => ({
    kind: 'answer',
    status: 200,
    headers: [],
    body,
  });
  const bodies: (() => ReadableStream<Uint8Array>)[] = [
    () =>
      new ReadableStream({
        start(controller) {
          for (const piece of pieces) controller.enqueue(piece);
          controller.close();
        },
      }),
    () => new ReadableStream({ start: (controller) => controller.error(new Error('gone')) }),
    () =>
      new ReadableStream({
        cancel: (reason) => {
          cancelled = reason;
        },
      }),
  ];
  const spans = await spansOf(async ({ tracing }) => {
    const upstream: Upstream = {
      kind: 'http',
      exchange: async () => answer(bodies.shift()?.() ?? null),
      close: async () => undefined,
    };
    const traced = tracedUpstream(upstream, 'tools.example', tracing);
    const ask = async (method: string): Promise<ReadableStream<Uint8Array> | null> => {
      const body = new TextEncoder().encode(JSON.stringify({ method }));
      const answered = await traced.exchange({ method: 'POST', headers: {}, body, grant: 'agent' });
      return answered.kind === 'answer' ? (answered.body as ReadableStream<Uint8Array> | null) : null;
    };
    await tracing.call(CALL, async () => {
      const read: Uint8Array[] = [];
      for await (const piece of (await ask('tools/call'))!) read.push(piece);
      assert.deepEqual(read, pieces);
      await assert.rejects((await ask('tools/list'))!.getReader().read(), /gone/);
      await (await ask('ping'))!.cancel('enough');
      assert.equal(cancelled, 'enough');
      assert.equal(await ask('initialize'), null);
    });
  });
  assert.deepEqual(
    spans.map(({ name, status }) => [name, status.code]),
    [
      ['tools/call read', 0],
      ['tools/list', 2],
      ['ping', 0],
      ['initialize', 0],
      ['tools/call read', 0],
    ],
  );
});
