/** Milliseconds that a client waits before it resumes a broken stream. */
const RETRY_MS = 1_000;

export const STREAM_HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' };

/** An event without a message (2025-11-25, Resumability). */
export function primeEvent(eventId: string): string {
  return `id: ${eventId}\nretry: ${RETRY_MS}\ndata: \n\n`;
}

/** A comment keeps proxies and clients from giving up. */
export function commentEvent(text: string): string {
  return `: ${text}\n\n`;
}

/** One message event; the text holds no line break, or they are blanks between tokens. */
export function messageEvent(json: string): string {
  return `event: message\ndata: ${json.replaceAll(/[\r\n]+/g, ' ')}\n\n`;
}
