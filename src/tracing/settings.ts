/** How traces are sent: what `OTEL_*` variables say beyond what the exporter reads itself (endpoint, headers, timeout …). */
export interface TracingSettings {
  readonly protocol: 'http/protobuf' | 'http/json';
  readonly sampler: SamplerSettings;
  /** Each absent where its variable is not set. */
  readonly batch: {
    readonly scheduledDelayMillis?: number;
    readonly maxQueueSize?: number;
    readonly maxExportBatchSize?: number;
    readonly exportTimeoutMillis?: number;
  };
}

export interface SamplerSettings {
  readonly kind: 'always_on' | 'always_off' | 'traceidratio';
  /** A caller's decision comes first. */
  readonly parentBased: boolean;
  /** From 0 to 1; of `traceidratio`. */
  readonly ratio: number;
}

type Variables = Readonly<Record<string, string | undefined>>;

const ENDPOINTS = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'];
const SAMPLER = /^(parentbased_)?(always_on|always_off|traceidratio)$/;
const BY_DEFAULT: SamplerSettings = { kind: 'always_on', parentBased: true, ratio: 1 };

/**
 * Reads the standard variables. Null: nothing is traced, because no endpoint is set, or they say so, or they want what
 * there is not. `warn` gets what is ignored, without its value where that could hold a secret.
 */
export function tracingSettings(env: Variables, warn: (text: string) => void): TracingSettings | null {
  const given = (name: string): string | null => env[name]?.trim() || null;
  const endpoint = ENDPOINTS.find((name) => given(name) !== null);
  if (endpoint === undefined || given('OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return null;
  const exporter = given('OTEL_TRACES_EXPORTER') ?? 'otlp';
  if (exporter === 'none') return null;
  const off = (name: string, expected: string): null => {
    warn(`${name} asks for what there is not, so nothing is traced (expected ${expected})`);
    return null;
  };
  if (exporter !== 'otlp') return off('OTEL_TRACES_EXPORTER', 'otlp or none');
  if (!URL.canParse(given(endpoint)!) || !/^https?:$/.test(new URL(given(endpoint)!).protocol)) {
    return off(endpoint, 'an http or https URL');
  }
  const protocol =
    given('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ?? given('OTEL_EXPORTER_OTLP_PROTOCOL') ?? 'http/protobuf';
  if (protocol !== 'http/protobuf' && protocol !== 'http/json') {
    return off('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/protobuf or http/json');
  }
  return { protocol, sampler: samplerOf(given, warn), batch: batchOf(given, warn) };
}

type Given = (name: string) => string | null;

function samplerOf(given: Given, warn: (text: string) => void): SamplerSettings {
  const text = given('OTEL_TRACES_SAMPLER');
  if (text === null) return BY_DEFAULT;
  const parts = SAMPLER.exec(text.toLowerCase());
  if (parts === null) {
    warn(
      'OTEL_TRACES_SAMPLER is ignored: it is none of always_on, always_off, traceidratio, or parentbased_ before one',
    );
    return BY_DEFAULT;
  }
  const argument = given('OTEL_TRACES_SAMPLER_ARG');
  const ratio = argument === null ? 1 : Number(argument);
  const isRatio = ratio >= 0 && ratio <= 1;
  if (!isRatio) warn('OTEL_TRACES_SAMPLER_ARG is ignored: it is no number from 0 to 1');
  return {
    kind: parts[2] as SamplerSettings['kind'],
    parentBased: parts[1] !== undefined,
    ratio: isRatio ? ratio : 1,
  };
}

const BATCH = {
  scheduledDelayMillis: 'OTEL_BSP_SCHEDULE_DELAY',
  maxQueueSize: 'OTEL_BSP_MAX_QUEUE_SIZE',
  maxExportBatchSize: 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE',
  exportTimeoutMillis: 'OTEL_BSP_EXPORT_TIMEOUT',
} as const;

function batchOf(given: Given, warn: (text: string) => void): TracingSettings['batch'] {
  const batch: Record<string, number> = {};
  for (const [option, name] of Object.entries(BATCH)) {
    const text = given(name);
    if (text === null) continue;
    if (/^[1-9]\d{0,8}$/.test(text)) batch[option] = Number(text);
    else warn(`${name} is ignored: it is no whole number from 1`);
  }
  return batch;
}
