/** Lower-case names. What the agent's request said. */
export type HeaderRecord = Readonly<Record<string, string>>;

const INWARD = new Set(['accept', 'content-type', 'last-event-id', 'traceparent', 'tracestate', 'user-agent']);

const OUTWARD = new Set([
  'age',
  'allow',
  'cache-control',
  'content-encoding',
  'content-language',
  'content-type',
  'etag',
  'expires',
  'last-modified',
  'pragma',
  'retry-after',
  'vary',
  'x-accel-buffering',
]);

/**
 * The headers an upstream gets: those of the request that may cross, then the config's, which win. The agent's
 * credential and cookies never cross (P8).
 */
export function headersForUpstream(request: HeaderRecord, configured: HeaderRecord): Record<string, string> {
  const crossing: Record<string, string> = {};
  for (const name in request) {
    const value = request[name];
    if (value !== undefined && (INWARD.has(name) || name.startsWith('mcp-'))) crossing[name] = value;
  }
  for (const name in configured) {
    const value = configured[name];
    if (value !== undefined) crossing[name.toLowerCase()] = value;
  }
  // Bytes are compared and lists are filtered: nothing may arrive packed.
  crossing['accept-encoding'] = 'identity';
  return crossing;
}

/** The headers an agent gets of an upstream's answer. Cookies, challenges and hop-by-hop headers stay behind. */
export function headersForAgent(answer: readonly (readonly [string, string])[]): Record<string, string> {
  const crossing: Record<string, string> = {};
  for (const [name, value] of answer) {
    if (!OUTWARD.has(name) && !name.startsWith('mcp-')) continue;
    crossing[name] = crossing[name] === undefined ? value : `${crossing[name]}, ${value}`;
  }
  return crossing;
}

/** The first header of that name. */
export function headerOf(answer: readonly (readonly [string, string])[], name: string): string | null {
  return answer.find(([n]) => n === name)?.[1] ?? null;
}
