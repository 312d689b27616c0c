import { createServer, type Server } from 'node:http';
import type { HttpApp } from '../../http.ts';
import { closeDead } from './dead-connections.ts';
import { OpenAnswers } from './open-answers.ts';
import { requestListener } from './request-listener.ts';
import { closeStalled, REQUEST_MS, requestTimeouts, STALLED_MS } from './stalled-connections.ts';

/** An HTTP server that listens. */
export interface Listening {
  readonly server: Server;
  readonly answers: OpenAnswers;
  /** Where it listens: `http://127.0.0.1:8787`. */
  readonly url: string;
}

/** Milliseconds for which an idle connection is kept open. */
const KEEP_ALIVE_MS = 65_000;

/**
 * TCP asks a connection that was silent for a minute whether its other end is there, and then each second: where ten
 * questions are not answered, it is closed, and with it the answers that nobody reads. Without that, an agent that lost its
 * network stays for ever. Not sooner: a laptop that sleeps for a moment keeps the call that it waits for.
 */
const SIGN_OF_LIFE = { keepAlive: true, keepAliveInitialDelay: 60_000 } as const;

/**
 * Serves the app. Port 0: any free port. `patienceMs`: how long slow senders and readers are tolerated; absent: 60 s for
 * a request, 120 s for a reader. Rejects with a plain message when it cannot listen.
 */
export function listen(
  app: HttpApp,
  { host, port }: { readonly host: string; readonly port: number },
  patienceMs?: number,
): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const serverOptions = { ...requestTimeouts(patienceMs ?? REQUEST_MS), ...SIGN_OF_LIFE };
    const server = createServer(serverOptions, requestListener(app, host));
    const answers = new OpenAnswers(server);
    closeStalled(server, answers, patienceMs ?? STALLED_MS);
    closeDead(server, answers, patienceMs);
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    server.on('error', (error: NodeJS.ErrnoException) => reject(cannotListen(error, host, port)));
    server.listen(port, host, () => resolve({ server, answers, url: urlOf(server, host) }));
  });
}

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const why: Record<string, string> = {
    EADDRINUSE: `Port ${port} on ${host} is in use. Stop what listens there, or set HOLDFAST_LISTEN to another port.`,
    EACCES: `This user may not use port ${port}. Set HOLDFAST_LISTEN to a port above 1023.`,
    EADDRNOTAVAIL: `${host} is not an address of this machine. Set HOLDFAST_LISTEN.`,
  };
  return new Error(why[error.code ?? ''] ?? `Cannot listen on ${host}:${port}: ${error.message}`, { cause: error });
}

function urlOf(server: Server, host: string): string {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
