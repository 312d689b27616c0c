import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as Socket } from 'node:net';
import { pause } from '../../time/pause.ts';
import type { OpenAnswers } from './open-answers.ts';

/** Milliseconds in which a connection that is kept alive hears that it ends before it does. */
const LINGER_MS = 500;

/**
 * Knows which requests are under way on a server, and lets it end without cutting one off. A GET on `/mcp/…` only
 * listens and never ends by itself, so it is not waited for: its agent comes back to another replica.
 */
export class Drain {
  readonly #server: Server;
  readonly #answers: OpenAnswers;

  constructor(server: Server, answers: OpenAnswers) {
    this.#server = server;
    this.#answers = answers;
  }

  /**
   * New connections are refused from now on. Those that are there stay: closed at once, a request that is on its way on
   * one would be lost without anybody knowing whether it ran. Their next answer says `connection: close`.
   */
  begin(): void {
    this.#server.prependListener('request', (_: IncomingMessage, response: ServerResponse) => {
      response.setHeader('connection', 'close');
    });
    // http's own close also cuts the idle connections.
    Socket.prototype.close.call(this.#server);
  }

  /** Resolves once nothing is under way, not before busy connections have heard that they end. */
  async quiet(): Promise<void> {
    await pause(LINGER_MS);
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!this.#busy()) resolve();
      };
      this.#answers.onEnd(look);
      look();
    });
  }

  #busy(): boolean {
    for (const { req } of this.#answers) if (req.method !== 'GET') return true;
    return false;
  }

  /** Ends every connection. */
  end(): void {
    this.#server.close(() => undefined);
    this.#server.closeAllConnections();
  }
}
