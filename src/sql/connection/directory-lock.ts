import { createHash, randomUUID } from 'node:crypto';
import { realpathSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Another process has the data directory. */
export class DirectoryHeld extends Error {}

/** Bytes of a socket's path: the system allows about 100. Deeper directories have their lock among temporary files. */
const LONGEST_PATH = 100;
/** Milliseconds that the owner of a lock may take to say who it is. */
const ANSWER_MS = 2_000;

/**
 * Holds a directory for this process by a listening socket in it; the function returned lets go of it. The kernel
 * closes the socket with the process, so that the lock outlives neither kill -9 nor a pid that is used again: a path
 * where nobody listens is stale. Throws `DirectoryHeld`.
 *
 * A race is settled by looking again: two processes may find the same stale path and both put theirs. Only one path can
 * exist, and each process asks it for its owner before it goes on.
 */
export async function holdDirectory(directory: string): Promise<() => Promise<void>> {
  const path = socketPath(directory);
  const me = randomUUID();
  if ((await ownerAt(path)) !== null) throw held(directory);
  rmSync(path, { force: true });
  const server = await listen(path, me);
  if (server === null || (await ownerAt(path)) !== me) {
    server?.close();
    throw held(directory);
  }
  return () => new Promise((done) => server.close(() => done()));
}

function held(directory: string): DirectoryHeld {
  return new DirectoryHeld(
    `${directory} is in use by another Holdfast process. Embedded mode is for one process: stop the other one, ` +
      'set HOLDFAST_DATA to another directory, or set DATABASE_URL to run several.',
  );
}

function socketPath(directory: string): string {
  const real = realpathSync(directory);
  const inside = join(real, 'lock.sock');
  if (Buffer.byteLength(inside) <= LONGEST_PATH) return inside;
  return join(tmpdir(), `holdfast-${createHash('sha256').update(real).digest('hex').slice(0, 24)}.sock`);
}

/** Who listens there, or null when nobody does. */
function ownerAt(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    let owner = '';
    const socket = connect(path);
    socket.setTimeout(ANSWER_MS, () => socket.destroy());
    socket.on('data', (chunk) => {
      owner += chunk;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ECONNREFUSED' || error.code === 'ENOENT' ? null : 'unknown');
    });
    socket.on('close', () => resolve(owner === '' ? 'unknown' : owner));
  });
}

function listen(path: string, me: string): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.end(me);
    });
    server.on('error', () => resolve(null));
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}
