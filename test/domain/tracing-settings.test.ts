import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tracingSettings } from '../../src/tracing/settings.ts';
import { importsOf, sources, textOf } from '../support/house.ts';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

function read(env: Record<string, string>) {
  const warnings: string[] = [];
  return { settings: tracingSettings(env, (text) => warnings.push(text)), warnings };
}

test('nothing is traced unless an endpoint is set, and nothing switches it off', () => {
  const off: Record<string, string>[] = [
    {},
    { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' },
    { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
    { ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' },
    { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' },
  ];
  for (const env of off) assert.deepEqual(read(env), { settings: null, warnings: [] }, JSON.stringify(env));
  assert.deepEqual(read({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://x/v1/traces' }).settings, {
    protocol: 'http/protobuf',
    sampler: { kind: 'always_on', parentBased: true, ratio: 1 },
    batch: {},
  });
});

test('what there is not is told, without its value, and nothing is traced', () => {
  for (const [name, value] of [
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'grpc'],
    ['OTEL_TRACES_EXPORTER', 'zipkin'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector-marker'],
  ] as const) {
    const { settings, warnings } = read({ ...ENDPOINT, [name]: value });
    assert.equal(settings, null, name);
    assert.match(warnings.join(), /^OTEL_\w+ asks for what there is not.*expected/, name);
    assert.doesNotMatch(warnings.join(), /marker/);
  }
});

test('samplers: a caller decides first where they say so, and a bad one leaves the default', () => {
  const sampler = (name: string, argument = '') =>
    read({ ...ENDPOINT, OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument });
  assert.deepEqual(sampler('always_off').settings?.sampler, { kind: 'always_off', parentBased: false, ratio: 1 });
  assert.deepEqual(sampler('parentbased_traceidratio', '0.25').settings?.sampler, {
    kind: 'traceidratio',
    parentBased: true,
    ratio: 0.25,
  });
  assert.equal(sampler('traceidratio', '7').settings?.sampler.ratio, 1);
  assert.match(sampler('traceidratio', '7').warnings.join(), /OTEL_TRACES_SAMPLER_ARG is ignored/);
  assert.match(sampler('jaeger_remote').warnings.join(), /OTEL_TRACES_SAMPLER is ignored/);
});

test('the batches are as their variables say, where these are whole numbers', () => {
  const { settings, warnings } = read({ ...ENDPOINT, OTEL_BSP_SCHEDULE_DELAY: '100', OTEL_BSP_MAX_QUEUE_SIZE: '-1' });
  assert.deepEqual(settings?.batch, { scheduledDelayMillis: 100 });
  assert.match(warnings.join(), /OTEL_BSP_MAX_QUEUE_SIZE is ignored/);
});

test('nothing of OpenTelemetry is in what runs on Workers, and only the room of traces imports it', () => {
  const reached = new Set<string>();
  const visit = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    // Types are erased: only what is left of an import is loaded.
    const code = textOf(file).replaceAll(/^(?:import|export) type [^;]*;/gm, '');
    for (const { target } of importsOf(file, code)) {
      assert.doesNotMatch(target, /@opentelemetry/, file);
      if (target.startsWith('src/')) visit(target);
    }
  };
  visit('src/main/worker.ts');
  assert.ok(reached.has('src/main/assemble.ts') && reached.has('src/mcp/calls.ts'));
  assert.deepEqual(
    [...reached].filter((file) => file.startsWith('src/tracing/')),
    [],
  );
  const importers = sources('src').filter((file) =>
    importsOf(file, textOf(file)).some(({ target }) => target.startsWith('@opentelemetry')),
  );
  assert.ok(importers.length > 0 && importers.every((file) => file.startsWith('src/tracing/')), importers.join());
});
