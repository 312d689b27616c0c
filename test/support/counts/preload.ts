/**
 * Preloaded into a gateway (`NODE_OPTIONS=--import=FILE?at=SOCKET`): counts what it writes to sockets, one entry for each
 * write that reaches the operating system, and hands out the entries since the last time at that socket file.
 */
import { rmSync } from 'node:fs';
import { createServer, Socket } from 'node:net';

/** Where a write went: the port at the far end of a connection that the gateway made, or its own for one that it took. */
export interface CountedWrite {
  readonly to: number;
  readonly taken: boolean;
  /** Which connection it went over: the port at the gateway's end, or at the other end of one that it took. */
  readonly over: number;
  readonly octets: number;
  /** How it begins, as far as it is text. */
  readonly begins: string;
}

const BEGINS = 12_000;
const at = new URL(import.meta.url).searchParams.get('at');
const own = new WeakSet<Socket>();
/** Connections that were made from here. */
const made = new WeakSet<Socket>();
let writes: CountedWrite[] = [];

interface Wire {
  _writeGeneric(writev: boolean, data: unknown, encoding: string, done: (error?: Error) => void): void;
  connect(...args: unknown[]): Socket;
}

if (at !== null) {
  const wire = Socket.prototype as unknown as Wire;
  const write = wire._writeGeneric;
  wire._writeGeneric = function (this: Socket, writev, data, encoding, done) {
    // While it connects, the same is called again once it has.
    if (!this.connecting && !own.has(this)) note(this, writev, data);
    return Reflect.apply(write, this, [writev, data, encoding, done]);
  };
  const connect = wire.connect;
  wire.connect = function (this: Socket, ...args) {
    made.add(this);
    return Reflect.apply(connect, this, args);
  };
  const server = createServer((socket) => {
    own.add(socket);
    socket.on('error', () => undefined);
    socket.end(JSON.stringify(writes.splice(0)));
  });
  server.on('error', () => undefined);
  // A gateway starts itself again, in the same process.
  rmSync(at, { force: true });
  server.listen(at);
  server.unref();
}

function note(socket: Socket, writev: boolean, data: unknown): void {
  const taken = !made.has(socket);
  const to = (taken ? socket.localPort : socket.remotePort) ?? 0;
  // Standard output and pipes have no port.
  if (to === 0) return;
  const chunks = writev ? (data as { chunk: Buffer | string }[]).map(({ chunk }) => chunk) : [data as Buffer | string];
  const octets = chunks.reduce((sum, chunk) => sum + Buffer.byteLength(chunk), 0);
  const begins = Buffer.concat(chunks.map((chunk) => Buffer.from(chunk as string)))
    .subarray(0, BEGINS)
    .toString('latin1');
  const over = (taken ? socket.remotePort : socket.localPort) ?? 0;
  writes.push({ to, taken, over, octets, begins });
  if (writes.length > 1_000_000) writes = [];
}
