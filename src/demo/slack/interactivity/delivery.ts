import { createHmac } from 'node:crypto';
import { Agent, request } from 'node:http';
import type { Fields } from '../wire/fields.ts';
import type { SocketMode } from './socket-mode.ts';

/** How the app answered an interactive payload. */
export interface Reaction {
  /** HTTP status; over Socket Mode 200 when acknowledged. 0: no answer in time, or no connection. */
  readonly status: number;
  readonly body: string;
  /** Milliseconds from sending to the last byte of the answer. */
  readonly ms: number;
}

/** A payload that was sent, recorded so that a test can send it again. */
export interface DeliveredPayload {
  readonly via: 'http' | 'socket';
  readonly payload: Fields | null;
  readonly body: string;
  /** In seconds, as in X-Slack-Request-Timestamp. Empty over Socket Mode. */
  readonly timestamp: string;
  readonly signature: string;
  readonly at: number;
  readonly reaction: Reaction;
}

/** What a forger may choose. What is left out is as Slack would send it. */
export interface Forgery {
  /** Seconds since 1970. */
  readonly timestamp?: number | string;
  readonly signature?: string;
  /** Replace headers; an empty value leaves that header out. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Slack's request signature, version 0 (docs.slack.dev/authentication/verifying-requests-from-slack). */
export function slackSignature(secret: string, timestamp: number | string, rawBody: string): string {
  return `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:${rawBody}`).digest('hex')}`;
}

/** Sends payloads to the app: over a socket if one is connected, else signed, to its interactivity URL. */
export class PayloadDelivery {
  readonly sent: DeliveredPayload[] = [];
  url: string | null;
  readonly #secret: string;
  readonly #sockets: SocketMode;
  readonly #now: () => number;
  readonly #ackMs: number;
  readonly #abort = new AbortController();
  readonly #agent = new Agent({ keepAlive: true });

  constructor(options: { url: string | null; secret: string; sockets: SocketMode; now: () => number; ackMs: number }) {
    this.url = options.url;
    this.#secret = options.secret;
    this.#sockets = options.sockets;
    this.#now = options.now;
    this.#ackMs = options.ackMs;
  }

  async payload(payload: Fields): Promise<Reaction> {
    if (this.#sockets.connections > 0) return this.#overSocket(payload);
    return this.raw(`payload=${encodeURIComponent(JSON.stringify(payload))}`, {}, payload);
  }

  /** An event: over a socket, else as JSON. */
  async event(payload: Fields): Promise<Reaction> {
    if (this.#sockets.connections > 0) return this.#overSocket(payload, 'events_api');
    return this.raw(JSON.stringify(payload), { headers: { 'content-type': 'application/json' } }, payload);
  }

  async #overSocket(payload: Fields, type: 'events_api' | 'interactive' = 'interactive'): Promise<Reaction> {
    const start = performance.now();
    const answer = await this.#sockets.send(payload, payload.type === 'view_submission', this.#ackMs, type);
    const acknowledgement = answer === 'late' ? null : answer.payload;
    const reaction: Reaction = {
      status: answer === 'late' ? 0 : 200,
      body: acknowledgement === null || JSON.stringify(acknowledgement) === '{}' ? '' : JSON.stringify(acknowledgement),
      ms: performance.now() - start,
    };
    this.sent.push({ via: 'socket', payload, body: '', timestamp: '', signature: '', at: this.#now(), reaction });
    return reaction;
  }

  /** Posts this exact body. Throws if no interactivity URL is set. */
  async raw(body: string, forgery: Forgery = {}, payload: Fields | null = null): Promise<Reaction> {
    if (this.url === null) throw new Error('The stand-in has no interactivityUrl and no socket is connected.');
    const timestamp = String(forgery.timestamp ?? Math.floor(this.#now() / 1000));
    const signature = forgery.signature ?? slackSignature(this.#secret, timestamp, body);
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)',
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': signature,
      ...forgery.headers,
    };
    const reaction = await this.#post(this.url, body, headers);
    this.sent.push({ via: 'http', payload, body, timestamp, signature, at: this.#now(), reaction });
    return reaction;
  }

  #post(url: string, body: string, headers: Record<string, string>): Promise<Reaction> {
    const start = performance.now();
    const ms = () => performance.now() - start;
    return new Promise((resolve) => {
      const kept = Object.entries(headers).filter(([, value]) => value !== '');
      const sending = request(url, {
        method: 'POST',
        agent: this.#agent,
        headers: { ...Object.fromEntries(kept), 'content-length': Buffer.byteLength(body) },
        signal: this.#abort.signal,
      });
      // Slack waits three seconds in all, not three seconds for each byte.
      const late = setTimeout(() => sending.destroy(new Error('no answer in time')), this.#ackMs);
      const lost = (error: Error) => {
        clearTimeout(late);
        resolve({ status: 0, body: error.message, ms: ms() });
      };
      sending.on('error', lost);
      sending.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', lost);
        response.on('end', () => {
          clearTimeout(late);
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8'), ms: ms() });
        });
      });
      sending.end(body);
    });
  }

  close(): void {
    this.#abort.abort();
    this.#agent.destroy();
  }
}
