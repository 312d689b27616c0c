import { exportLine } from '../domain/log/export-line.ts';
import type { ChainedEvent, Clock, Sink } from '../ports.ts';
import { ocsfLine } from './ocsf.ts';

export interface WebhookSettings {
  readonly url: string;
  /** Known to both ends; signs every delivery. */
  readonly secret: string;
  /** How an event is written; absent: as in an export. */
  readonly form?: 'holdfast' | 'ocsf';
  readonly clock: Clock;
  /** Replaced in tests. */
  readonly fetch?: typeof fetch;
}

/** Milliseconds that a delivery may take. */
const DELIVERY_MS = 10_000;

/**
 * Hands events to an HTTP collector: `POST` of JSON Lines, each line as in an export or in the form of OCSF, in the
 * chain's order. Any 2xx
 * accepts the whole delivery; after anything else, redirects included, it is sent again. Headers:
 * - `holdfast-delivery`: `FIRST-LAST`, the places in the chain. The same events may come twice, but never other events
 *   under the same places.
 * - `holdfast-signature`: `t=UNIX,v1=HEX`, the HMAC-SHA-256 of `UNIX.` and the body under the shared secret. Compare it
 *   in constant time, and refuse a time that is far from yours.
 */
export function webhookSink({ url, secret, form = 'holdfast', clock, fetch: send = fetch }: WebhookSettings): Sink {
  const line = form === 'ocsf' ? ocsfLine : exportLine.event;
  const { host } = new URL(url);
  return {
    // Named by the whole address: a changed one, perhaps of another tenant on the same host, has accepted nothing yet.
    name: `webhook ${host} ${fnv1a(url)}`,
    async send(events) {
      const body = events.map((event) => `${line(event)}\n`).join('');
      const headers = {
        'content-type': 'application/x-ndjson',
        'user-agent': 'holdfast',
        'holdfast-delivery': places(events),
        'holdfast-signature': await deliverySignature(secret, Math.floor(clock.now().getTime() / 1_000), body),
      };
      try {
        const signal = AbortSignal.timeout(DELIVERY_MS);
        const response = await send(url, { method: 'POST', headers, body, redirect: 'manual', signal });
        await response.body?.cancel();
        return response.ok ? { kind: 'taken' } : { kind: 'later', why: `it answered ${response.status}` };
      } catch (error) {
        // The message may hold the address, and the address a token: only the error's name is passed on.
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

/** A short name for an address that must not be shown (FNV-1a, 32 bits). */
function fnv1a(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
