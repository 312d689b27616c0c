/** HTTP headers by lower-case name. */
export type HeaderRecord = Readonly<Record<string, string>>;

/** Headers of a request that may go to the upstream, besides `mcp-*`. */
const TO_UPSTREAM = new Set(['accept', 'content-type', 'last-event-id', 'traceparent', 'tracestate', 'user-agent']);

/** Headers of an answer that may go to the agent, besides `mcp-*`. */
const TO_AGENT = new Set([
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
 * The headers sent to an upstream: the allowed ones of the agent's request, then the configured ones, which win. The
 * agent's credential and cookies are never among them (P8).
 */
export function headersForUpstream(request: HeaderRecord, configured: HeaderRecord): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name in request) {
    const value = request[name];
    if (value !== undefined && (TO_UPSTREAM.has(name) || name.startsWith('mcp-'))) headers[name] = value;
  }
  for (const name in configured) {
    const value = configured[name];
    if (value !== undefined) headers[name.toLowerCase()] = value;
  }
  // The gateway reads answers and filters lists in them, so they must arrive uncompressed.
  headers['accept-encoding'] = 'identity';
  return headers;
}

/** The headers of an upstream's answer that the agent gets. Cookies, challenges and hop-by-hop headers are dropped. */
export function headersForAgent(answer: readonly (readonly [string, string])[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of answer) {
    if (!TO_AGENT.has(name) && !name.startsWith('mcp-')) continue;
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return headers;
}

/** The value of the first header with this lower-case name; null when there is none. */
export function headerOf(answer: readonly (readonly [string, string])[], name: string): string | null {
  return answer.find(([n]) => n === name)?.[1] ?? null;
}
