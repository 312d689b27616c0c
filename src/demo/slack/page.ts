import type { IncomingMessage, ServerResponse } from 'node:http';

/** The page on which people look at cards and click. */
export class Page {
  async answer(_request: IncomingMessage, response: ServerResponse, _url: URL): Promise<void> {
    response.writeHead(404).end();
  }
}
