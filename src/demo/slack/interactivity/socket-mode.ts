import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Fields, parsedJson, textField } from '../wire/fields.ts';

/** Milliseconds between pings; Slack's client expects one at least every 30 s. */
const PING_MS = 10_000;
/** Milliseconds that clients have to answer the closing handshake. */
const CLOSING_MS = 300;
/** Most bytes of one message. */
const MOST_BYTES = 1 << 20;

/** Socket Mode: single-use addresses, connections, envelopes and their acknowledgements. */
export class SocketMode {
  readonly #server = new WebSocketServer({ noServer: true, clientTracking: false, maxPayload: MOST_BYTES });
  readonly #tickets = new Set<string>();
  readonly #sockets = new Set<WebSocket>();
  readonly #waiting = new Map<string, (payload: unknown) => void>();
  readonly #appId: string;
  readonly #changed: () => void;
  #turn = 0;
  #onLost: () => void = () => {};
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
    this.#server.handleUpgrade(request, stream, head, (socket) => this.#connected(socket));
  }

  #connected(socket: WebSocket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#lost(socket));
    // A broken frame closes the socket; 'close' follows.
    socket.on('error', () => {});
    socket.on('message', (data) => this.#acknowledged(String(data)));
    if (this.#sockets.size === 1) {
      this.#pings = setInterval(() => {
        for (const each of this.#sockets) each.ping('Ping from Slack');
      }, PING_MS);
      this.#pings.unref();
    }
    socket.send(
      JSON.stringify({
        type: 'hello',
        num_connections: this.#sockets.size,
        debug_info: { host: 'stand-in', build_number: 1, approximate_connection_time: 18_060 },
        connection_info: { app_id: this.#appId },
      }),
    );
    this.#changed();
  }

  #lost(socket: WebSocket): void {
    if (!this.#sockets.delete(socket)) return;
    if (this.#sockets.size === 0) clearInterval(this.#pings);
    this.#onLost();
    this.#changed();
  }

  /** Sends to the connections in turn. Resolves with the acknowledgement's payload, or 'late' after `ms`. */
  send(
    payload: Fields,
    acceptsResponse: boolean,
    ms: number,
    type: 'events_api' | 'interactive' = 'interactive',
  ): Promise<{ payload: unknown } | 'late'> {
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
      socket.send(
        JSON.stringify({
          envelope_id: id,
          payload,
          type,
          accepts_response_payload: acceptsResponse,
        }),
      );
    });
  }

  #acknowledged(frame: string): void {
    const body = parsedJson(frame);
    const id = textField(body, 'envelope_id');
    if (id !== undefined) this.#waiting.get(id)?.((body as Fields).payload ?? null);
  }

  /** Asks every client to connect again, as Slack does now and then. */
  refresh(): void {
    for (const socket of this.#sockets) {
      socket.send(
        JSON.stringify({ type: 'disconnect', reason: 'refresh_requested', debug_info: { host: 'stand-in' } }),
      );
    }
  }

  /** Cuts every connection, without a closing handshake. */
  cut(): void {
    for (const socket of [...this.#sockets]) {
      socket.terminate();
      this.#lost(socket);
    }
  }

  /** Closes every connection, waits a moment for the clients' answers, then cuts what is left. */
  async close(): Promise<void> {
    for (const answer of [...this.#waiting.values()]) answer(null);
    this.#tickets.clear();
    for (const socket of this.#sockets) socket.close(1000);
    // A client that is cut during its closing handshake keeps a timer of 30 s (@slack/socket-mode 3.1).
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(end, CLOSING_MS);
      this.#onLost = () => this.#sockets.size === 0 && end();
      this.#onLost();
    });
    this.cut();
    clearInterval(this.#pings);
  }
}
