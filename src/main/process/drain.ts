import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as Socket } from 'node:net';
import { pause } from '../../time/pause.ts';
import type { OpenAnswers } from './open-answers.ts';

/** Milliseconds for which kept-alive connections stay open, so that their agents learn that they will close. */
const LINGER_MS = 500;

/**
 * Knows which requests are under way on a server, and stops it without cutting one off. A GET on `/mcp/…` only listens
 * and never ends by itself, so it is not waited for: its agent comes back to another replica.
 */
export class Drain {
  readonly #server: Server;
  readonly #answers: OpenAnswers;

  constructor(server: Server, answers: OpenAnswers) {
    this.#server = server;
    this.#answers = answers;
  }

  /**
   * Refuses new connections from now on. Open connections stay: if one were closed at once, a request on its way would
   * be lost, and nobody would know whether it ran. The next answer on each says `connection: close`.
   */
  begin(): void {
    this.#server.prependListener('request', (_: IncomingMessage, response: ServerResponse) => {
      response.setHeader('connection', 'close');
    });
    // The close of http.Server would also cut idle connections.
    Socket.prototype.close.call(this.#server);
  }

  /** Resolves once nothing is under way, and not before busy connections have been told that they will close. */
  async quiet(): Promise<void> {
    await pause(LINGER_MS);
    await new Promise<void>((resolve) => {
      const check = (): void => {
        if (!this.#busy()) resolve();
      };
      this.#answers.onEnd(check);
      check();
    });
  }

  #busy(): boolean {
    for (const { req } of this.#answers) if (req.method !== 'GET') return true;
    return false;
  }

  /** Closes every connection. */
  end(): void {
    this.#server.close(() => undefined);
    this.#server.closeAllConnections();
  }
}
