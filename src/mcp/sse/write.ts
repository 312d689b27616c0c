/** Milliseconds that a client is asked to wait before it resumes a broken stream. */
const RETRY_MS = 1_000;

/** Headers of an event stream that the gateway writes itself. */
export const SSE_HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' };

/** An event that carries an id and no message, so that the client can resume the stream (2025-11-25, Resumability). */
export function primeEvent(eventId: string): string {
  return `id: ${eventId}\nretry: ${RETRY_MS}\ndata: \n\n`;
}

/** A comment, which keeps proxies and clients from timing out. The text must not contain a line break. */
export function commentEvent(text: string): string {
  return `: ${text}\n\n`;
}

/** One message event. Line breaks become spaces: in valid JSON they can only be whitespace between tokens. */
export function messageEvent(json: string): string {
  return `event: message\ndata: ${json.replaceAll(/[\r\n]+/g, ' ')}\n\n`;
}

/** How an event begins whose message follows in pieces; a blank line ends it. */
export function eventHead(eventId: string | null): string {
  return `${eventId === null ? '' : `id: ${eventId}\n`}event: message\ndata: `;
}
