import type { Log } from '../../ports.ts';
import type { OpenTracing } from '../../tracing/open.ts';
import { tracingSettings } from '../../tracing/settings.ts';

/** Traces of calls, as the standard variables `OTEL_*` say; null where none are wanted: then nothing is loaded. */
export async function openTraces(replica: string, log: Log): Promise<OpenTracing | null> {
  const settings = tracingSettings(process.env, (text) => log.warn({}, text));
  if (settings === null) return null;
  const { openTracing } = await import('../../tracing/open.ts');
  return openTracing(settings, replica);
}
