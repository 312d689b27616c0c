import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** The HTTP answers of a server that have not ended. Kept once for all who need them, with one listener per answer. */
export class OpenAnswers {
  readonly #open = new Set<ServerResponse>();
  #ended: (() => void) | null = null;

  constructor(server: Server) {
    const open = this.#open;
    const ended = (): void => this.#ended?.();
    function closed(this: ServerResponse): void {
      open.delete(this);
      ended();
    }
    server.prependListener('request', (_: IncomingMessage, response: ServerResponse) => {
      open.add(response);
      response.on('close', closed);
    });
  }

  [Symbol.iterator](): Iterator<ServerResponse> {
    return this.#open.values();
  }

  /** Sets the one listener that is called whenever an answer ends. */
  onEnd(listener: () => void): void {
    this.#ended = listener;
  }
}
