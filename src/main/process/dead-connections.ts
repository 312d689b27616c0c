import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { type Socket, SocketAddress } from 'node:net';
import type { OpenAnswers } from './open-answers.ts';

/**
 * Milliseconds for which the other end of a connection may acknowledge nothing, while somebody only listens. What it is
 * sent next is at most 15 s later, so a dead one is noticed within a minute and a half.
 */
const DEAD_MS = 60_000;
const LOOK_MS = 5_000;

/**
 * Closes connections whose answer to a GET nobody acknowledges for `deadMs`: a laptop that sleeps, a network that went
 * without a word. Whoever listens comes again by itself. The kernel alone tries for about 15 minutes, because its questions
 * whether anybody is there rest while something is not acknowledged, and a comment comes every 15 s. What waits for the
 * answer to a call keeps its connection so long: it could not be had again by every client.
 *
 * Node does not tell what is acknowledged; Linux does, in `/proc`. Elsewhere nothing is closed. Stops when the server closes.
 */
export function closeDead(server: Server, answers: OpenAnswers, deadMs: number = DEAD_MS): void {
  const since = new WeakMap<Socket, number>();
  const look = async (): Promise<void> => {
    const sockets = listening(answers);
    if (sockets.length === 0) return;
    const repeating = await repeatingConnections();
    const now = performance.now();
    for (const socket of sockets) {
      if (!repeating.has(connectionOf(socket))) since.delete(socket);
      else if (now - (since.get(socket) ?? now) >= deadMs) socket.destroy();
      else since.set(socket, since.get(socket) ?? now);
    }
  };
  let isLooking = false;
  const check = (): void => {
    if (isLooking) return;
    isLooking = true;
    // Where there is no such file, the kernel's own patience has to do.
    void look()
      .catch(() => undefined)
      .finally(() => {
        isLooking = false;
      });
  };
  if (process.platform !== 'linux') return;
  server.once('listening', () => {
    const timer = setInterval(check, Math.min(LOOK_MS, deadMs / 4)).unref();
    server.once('close', () => clearInterval(timer));
  });
}

function listening(answers: OpenAnswers): Socket[] {
  const found: Socket[] = [];
  for (const { req, socket } of answers) if (req.method === 'GET' && socket !== null) found.push(socket);
  return found;
}

function connectionOf({ localPort, remoteAddress = '', remotePort }: Socket): string {
  return `${localPort} ${remoteAddress.replace(/%.*/, '')} ${remotePort}`;
}

/** The connections in which something is sent again, because its first sending was not acknowledged: see `connectionOf`. */
async function repeatingConnections(): Promise<ReadonlySet<string>> {
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/self/net/${name}`, 'latin1').catch(() => '')),
  );
  const found = new Set<string>();
  for (const line of tables.flatMap((table) => table.split('\n').slice(1))) {
    const [, local = '', remote = '', state, , , repeats] = line.trim().split(/\s+/);
    if (state !== ESTABLISHED || repeats === undefined || Number.parseInt(repeats, 16) === 0) continue;
    found.add(`${portIn(local)} ${addressIn(remote)} ${portIn(remote)}`);
  }
  return found;
}

const ESTABLISHED = '01';

function portIn(end: string): number {
  return Number.parseInt(end.slice(end.indexOf(':') + 1), 16);
}

/** The kernel writes an address in words of 32 bits, each in the machine's own order of bytes. */
function addressIn(end: string): string {
  const bytes = Buffer.from(end.slice(0, end.indexOf(':')), 'hex');
  if (IS_LITTLE) bytes.swap32();
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16));
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}

const IS_LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
