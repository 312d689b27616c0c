import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as Socket } from 'node:net';

/** Milliseconds in which a connection that is kept alive hears that it ends before it does. */
const LINGER_MS = 500;

/**
 * Knows which requests are under way on a server, and lets it end without cutting one off. A GET on `/mcp/…` only
 * listens and never ends by itself, so it is not waited for: its agent comes back to another replica.
 */
export class Drain {
  readonly #server: Server;
  readonly #underWay = new Set<ServerResponse>();
  #begun = false;
  #quiet: (() => void) | null = null;

  constructor(server: Server) {
    this.#server = server;
    const underWay = this.#underWay;
    const ended = (): void => {
      if (underWay.size === 0) this.#quiet?.();
    };
    // One listener for all: thousands of held answers would each keep one of their own.
    function closed(this: ServerResponse): void {
      underWay.delete(this);
      ended();
    }
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      if (this.#begun) response.setHeader('connection', 'close');
      if (request.method === 'GET') return;
      underWay.add(response);
      response.on('close', closed);
    });
  }

  /**
   * New connections are refused from now on. Those that are there stay: closed at once, a request that is on its way on
   * one would be lost without anybody knowing whether it ran. Their next answer says `connection: close`.
   */
  begin(): void {
    this.#begun = true;
    // http's own close also cuts the idle connections.
    Socket.prototype.close.call(this.#server);
  }

  /** Resolves once nothing is under way, not before busy connections have heard that they end. */
  async quiet(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, LINGER_MS));
    while (this.#underWay.size > 0) {
      await new Promise<void>((resolve) => {
        this.#quiet = resolve;
      });
    }
  }

  /** Ends every connection. */
  end(): void {
    this.#server.close(() => undefined);
    this.#server.closeAllConnections();
  }
}
