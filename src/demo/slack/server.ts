import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { SocketMode } from './interactivity/socket-mode.ts';
import type { StandInPage } from './page/page.ts';
import type { World } from './state/world.ts';
import { type ApiResponse, parsedJson, type WebApi } from './web-api/api.ts';
import { respondTo } from './web-api/chat.ts';
import { isFields } from './wire/fields.ts';
import { bodyOf } from './wire/request-body.ts';

export interface ServerParts {
  readonly world: World;
  readonly api: WebApi;
  readonly sockets: SocketMode;
  readonly page: StandInPage;
  /** All of Slack is down, the page excepted. */
  readonly down: () => boolean;
  readonly changed: () => void;
}

/** The HTTP side: which door a request goes through. */
export class StandInServer {
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  constructor(rooms: ServerParts) {
    this.#server = createServer((request, response) => {
      answer(rooms, request, response).catch((error: unknown) => {
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
      if (rooms.down()) {
        stream.destroy();
        return;
      }
      rooms.sockets.accept(request, stream, head);
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

async function answer(rooms: ServerParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://stand-in');
  const slack = url.pathname.startsWith('/api/') || url.pathname.startsWith('/actions/');
  if (!slack) return rooms.page.answer(request, response, url);
  if (rooms.down()) {
    request.socket.destroy();
    return;
  }
  const body = await bodyOf(request);
  if (body === null) {
    response.writeHead(413).end('request_too_large');
    return;
  }
  const reply = url.pathname.startsWith('/api/')
    ? await rooms.api.call(
        url.pathname.slice('/api/'.length),
        { authorization: request.headers.authorization, type: request.headers['content-type'] },
        request.method === 'GET' ? url.search.slice(1) : body,
      )
    : respond(rooms, url.pathname, body);
  if (reply.kind === 'hang-up') {
    request.socket.destroy();
  } else {
    response.writeHead(reply.status, reply.headers).end(reply.body);
  }
  rooms.changed();
}

function respond(rooms: ServerParts, path: string, body: string): ApiResponse {
  const say = (status: number, what: string): ApiResponse => ({
    kind: 'answer',
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    body: what,
  });
  const target = rooms.world.oneShots.respond(path);
  if ('error' in target) return say(404, JSON.stringify({ ok: false, error: target.error }));
  const said = parsedJson(body);
  if (!isFields(said)) return say(400, 'invalid_payload');
  const result = respondTo(rooms.world, target, said);
  return result.ok ? say(200, 'ok') : say(400, JSON.stringify(result));
}
