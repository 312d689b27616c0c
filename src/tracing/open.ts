import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Tracing } from '../ports.ts';
import type { SamplerSettings, TracingSettings } from './settings.ts';
import { tracingWith } from './spans.ts';

export interface OpenTracing {
  readonly tracing: Tracing;
  /** Sends what waits, and stops. */
  close(): Promise<void>;
}

/** Loads OpenTelemetry and begins to send. `replica`: the name of this process. */
export async function openTracing(settings: TracingSettings, replica: string): Promise<OpenTracing> {
  const { protocol, sampler, batch } = settings;
  const named = resourceFromAttributes({ 'service.name': 'holdfast', 'service.instance.id': replica });
  const given = detectResources({ detectors: [envDetector, serviceNameEnvDetector] });
  const provider = new TracerProvider({
    resource: defaultResource().merge(named).merge(given),
    sampler: samplerFor(sampler),
    spanProcessors: [new BatchSpanProcessor({ ...batch, exporter: await exporterFor(protocol) })],
  });
  return {
    tracing: tracingWith(provider.getTracer('holdfast'), sampler.parentBased),
    close: () => provider.shutdown(),
  };
}

async function exporterFor(protocol: TracingSettings['protocol']): Promise<SpanExporter> {
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter();
}

function samplerFor({ kind, parentBased, ratio }: SamplerSettings): Sampler {
  const root =
    kind === 'always_on'
      ? new AlwaysOnSampler()
      : kind === 'always_off'
        ? new AlwaysOffSampler()
        : new TraceIdRatioBasedSampler(ratio);
  return parentBased ? new ParentBasedSampler({ root }) : root;
}
