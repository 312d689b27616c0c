import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { SocketMode } from './interactivity/socket-mode.ts';
import type { StandInPage } from './page/page.ts';
import type { World } from './state/world.ts';
import type { ApiResponse, WebApi } from './web-api/api.ts';
import { respondTo } from './web-api/response-url.ts';
import { isFields, parsedJson } from './wire/fields.ts';
import { bodyOf } from './wire/request-body.ts';

export interface ServerParts {
  readonly world: World;
  readonly api: WebApi;
  readonly sockets: SocketMode;
  readonly page: StandInPage;
  /** Whether Slack is down; the page still works. */
  readonly down: () => boolean;
  readonly changed: () => void;
}

/** The HTTP server: routes requests to the Web API, the response_urls, the sockets and the page. */
export class StandInServer {
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  constructor(parts: ServerParts) {
    this.#server = createServer((request, response) => {
      answer(parts, request, response).catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
        response.end(`The stand-in failed: ${error instanceof Error ? error.stack : String(error)}`);
      });
    });
    this.#server.on('connection', (socket) => {
      this.#open.add(socket);
      socket.on('close', () => this.#open.delete(socket));
    });
    this.#server.on('upgrade', (request, stream, head) => {
      stream.on('error', () => stream.destroy());
      if (parts.down()) {
        stream.destroy();
        return;
      }
      parts.sockets.accept(request, stream, head);
    });
  }

  /** Listens on 127.0.0.1; returns the port. */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#open) socket.destroy();
    });
  }
}

async function answer(parts: ServerParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://stand-in');
  const slack = url.pathname.startsWith('/api/') || url.pathname.startsWith('/actions/');
  if (!slack) return parts.page.answer(request, response, url);
  if (parts.down()) {
    request.socket.destroy();
    return;
  }
  const body = await bodyOf(request);
  if (body === null) {
    response.writeHead(413).end('request_too_large');
    return;
  }
  const answered = url.pathname.startsWith('/api/')
    ? await parts.api.call(
        url.pathname.slice('/api/'.length),
        { authorization: request.headers.authorization, type: request.headers['content-type'] },
        request.method === 'GET' ? url.search.slice(1) : body,
      )
    : respond(parts, url.pathname, body);
  if (answered.kind === 'hang-up') {
    request.socket.destroy();
  } else {
    response.writeHead(answered.status, answered.headers).end(answered.body);
  }
  parts.changed();
}

function respond(parts: ServerParts, path: string, body: string): ApiResponse {
  const reply = (status: number, what: string): ApiResponse => ({
    kind: 'answer',
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    body: what,
  });
  const target = parts.world.oneShots.respond(path);
  if ('error' in target) return reply(404, JSON.stringify({ ok: false, error: target.error }));
  const message = parsedJson(body);
  if (!isFields(message)) return reply(400, 'invalid_payload');
  const result = respondTo(parts.world, target, message);
  return result.ok ? reply(200, 'ok') : reply(400, JSON.stringify(result));
}
