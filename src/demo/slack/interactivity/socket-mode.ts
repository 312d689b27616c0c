import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { parsedJson } from '../web-api/api.ts';
import { type Fields, text } from '../wire/fields.ts';
import { ServerSocket } from './web-socket.ts';

/** Milliseconds between the pings that Slack's client expects at least every 30 s. */
const PING_MS = 10_000;
/** Milliseconds that clients have to answer a goodbye. */
const GOODBYE_MS = 300;

/** Socket Mode: single-use addresses, connections, envelopes and their acknowledgements. */
export class SocketMode {
  readonly #tickets = new Set<string>();
  readonly #sockets = new Set<ServerSocket>();
  readonly #waiting = new Map<string, (payload: unknown) => void>();
  readonly #appId: string;
  readonly #changed: () => void;
  #turn = 0;
  #gone: () => void = () => {};
  #pings: NodeJS.Timeout | undefined;

  constructor(appId: string, changed: () => void) {
    this.#appId = appId;
    this.#changed = changed;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** The query of a new address; good for one connection. */
  ticket(): string {
    const ticket = randomBytes(12).toString('hex');
    this.#tickets.add(ticket);
    return `ticket=${ticket}&app_id=${this.#appId}`;
  }

  accept(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const url = new URL(request.url ?? '/', 'http://stand-in');
    if (url.pathname !== '/link/' || !this.#tickets.delete(url.searchParams.get('ticket') ?? '')) {
      stream.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
      return;
    }
    const socket = new ServerSocket(request, stream, head);
    this.#sockets.add(socket);
    socket.onClose = () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) clearInterval(this.#pings);
      this.#gone();
      this.#changed();
    };
    socket.onText = (frame) => this.#acknowledged(frame);
    if (this.#sockets.size === 1) {
      this.#pings = setInterval(() => {
        for (const each of this.#sockets) each.ping('Ping from Slack');
      }, PING_MS);
      this.#pings.unref();
    }
    socket.text(
      JSON.stringify({
        type: 'hello',
        num_connections: this.#sockets.size,
        debug_info: { host: 'stand-in', build_number: 1, approximate_connection_time: 18_060 },
        connection_info: { app_id: this.#appId },
      }),
    );
    this.#changed();
  }

  /** Sends to one connection, in turn. Resolves with the acknowledgement's payload, or 'late' after `ms`. */
  send(payload: Fields, acceptsResponse: boolean, ms: number): Promise<{ payload: unknown } | 'late'> {
    const sockets = [...this.#sockets];
    const socket = sockets[this.#turn++ % sockets.length];
    if (socket === undefined) return Promise.resolve('late');
    const id = crypto.randomUUID();
    return new Promise((resolve) => {
      const timer = setTimeout(() => finish('late'), ms);
      const finish = (result: { payload: unknown } | 'late') => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(result);
      };
      this.#waiting.set(id, (answer) => finish({ payload: answer }));
      socket.text(
        JSON.stringify({
          envelope_id: id,
          payload,
          type: 'interactive',
          accepts_response_payload: acceptsResponse,
        }),
      );
    });
  }

  #acknowledged(frame: string): void {
    const body = parsedJson(frame);
    const id = text(body, 'envelope_id');
    if (id !== undefined) this.#waiting.get(id)?.((body as Fields).payload ?? null);
  }

  /** Asks every client to connect anew, as Slack does now and then. */
  refresh(): void {
    for (const socket of this.#sockets) {
      socket.text(
        JSON.stringify({ type: 'disconnect', reason: 'refresh_requested', debug_info: { host: 'stand-in' } }),
      );
    }
  }

  /** Cuts every connection. */
  cut(): void {
    for (const socket of [...this.#sockets]) socket.destroy();
  }

  /** Says goodbye, waits a moment for the clients' own, then cuts. */
  async close(): Promise<void> {
    for (const waiting of [...this.#waiting.values()]) waiting(null);
    this.#tickets.clear();
    for (const socket of this.#sockets) socket.close();
    // A client that is cut amid its closing handshake keeps a timer of 30 s (@slack/socket-mode 3.1).
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(end, GOODBYE_MS);
      this.#gone = () => this.#sockets.size === 0 && end();
      this.#gone();
    });
    this.cut();
    clearInterval(this.#pings);
  }
}
