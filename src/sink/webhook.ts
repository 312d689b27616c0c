import { exportLine } from '../domain/export-line.ts';
import type { ChainedEvent, Clock, Sink } from '../ports.ts';

export interface WebhookSettings {
  readonly url: string;
  /** What both ends know; signs every delivery. */
  readonly secret: string;
  readonly clock: Clock;
  /** Ours to replace in tests. */
  readonly fetch?: typeof fetch;
}

/** Milliseconds that a delivery may take. */
const PATIENCE_MS = 10_000;

/**
 * Hands events to an HTTP collector: `POST` of JSON Lines, each line as in an export, in the chain's order. Any 2xx takes
 * the whole delivery; anything else, redirects too, and it comes again. Headers:
 * - `holdfast-delivery`: `FIRST-LAST`, the places in the chain; the same events may come twice, never others
 *   under the same places;
 * - `holdfast-signature`: `t=UNIX,v1=HEX`, HMAC-SHA-256 over `UNIX.` and the body, by the shared secret. Check it in
 *   constant time, and refuse a time that is far from yours.
 */
export function webhookSink({ url, secret, clock, fetch: send = fetch }: WebhookSettings): Sink {
  const { host } = new URL(url);
  return {
    // Another address, perhaps another tenant of the same host, has taken nothing yet.
    name: `webhook ${host} ${fnv1a(url)}`,
    async send(events) {
      const body = events.map((event) => `${exportLine.event(event)}\n`).join('');
      const headers = {
        'content-type': 'application/x-ndjson',
        'user-agent': 'holdfast',
        'holdfast-delivery': places(events),
        'holdfast-signature': await deliverySignature(secret, Math.floor(clock.now().getTime() / 1_000), body),
      };
      try {
        const signal = AbortSignal.timeout(PATIENCE_MS);
        const answer = await send(url, { method: 'POST', headers, body, redirect: 'manual', signal });
        await answer.body?.cancel();
        return answer.ok ? { kind: 'taken' } : { kind: 'later', why: `it answered ${answer.status}` };
      } catch (error) {
        // The address may hold a token: only the error's name is told.
        return { kind: 'later', why: error instanceof Error ? error.name : 'no answer' };
      }
    },
  };
}

/** `t=UNIX,v1=HEX`. */
export async function deliverySignature(secret: string, unix: number, body: string): Promise<string> {
  const utf8 = new TextEncoder();
  const key = await crypto.subtle.importKey('raw', utf8.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
  ]);
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8.encode(`${unix}.${body}`)));
  return `t=${unix},v1=${Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

function places(events: readonly ChainedEvent[]): string {
  return `${events[0]?.seq ?? 0}-${events.at(-1)?.seq ?? 0}`;
}

/** A short name for an address that is not to be shown (FNV-1a, 32 bits). */
function fnv1a(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
