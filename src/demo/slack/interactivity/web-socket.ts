import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const MOST_BYTES = 1 << 20;

/** The server's side of one WebSocket (RFC 6455): text, ping, pong, close; fragments are joined, extensions refused. */
export class ServerSocket {
  onText: (text: string) => void = () => {};
  onClose: () => void = () => {};
  readonly #stream: Duplex;
  #buffer: Buffer = Buffer.alloc(0);
  #fragments: Buffer[] = [];
  #closed = false;

  constructor(request: IncomingMessage, stream: Duplex, head: Buffer) {
    this.#stream = stream;
    const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}${MAGIC}`).digest('base64');
    stream.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('error', () => this.#gone());
    stream.on('close', () => this.#gone());
    if (head.length > 0) this.#take(head);
  }

  text(value: string): void {
    this.#send(0x1, Buffer.from(value));
  }

  ping(value: string): void {
    this.#send(0x9, Buffer.from(value));
  }

  /** Says goodbye and ends. */
  close(code = 1000): void {
    const reason = Buffer.alloc(2);
    reason.writeUInt16BE(code);
    this.#send(0x8, reason);
    this.#stream.end();
  }

  /** Ends without a word, as a cut line does. */
  destroy(): void {
    this.#stream.destroy();
    this.#gone();
  }

  #gone(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.onClose();
  }

  #send(opcode: number, data: Buffer): void {
    if (this.#closed || this.#stream.destroyed || this.#stream.writableEnded) return;
    const long = data.length > 65_535 ? 8 : data.length > 125 ? 2 : 0;
    const header = Buffer.alloc(2 + long);
    header[0] = 0x80 | opcode;
    header[1] = long === 8 ? 127 : long === 2 ? 126 : data.length;
    if (long === 2) header.writeUInt16BE(data.length, 2);
    if (long === 8) header.writeBigUInt64BE(BigInt(data.length), 2);
    this.#stream.write(Buffer.concat([header, data]));
  }

  #take(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    for (;;) {
      const frame = frameOf(this.#buffer);
      if (frame === 'more') return;
      if (frame === 'bad') {
        this.destroy();
        return;
      }
      this.#buffer = this.#buffer.subarray(frame.bytes);
      this.#frame(frame.opcode, frame.final, frame.data);
    }
  }

  #frame(opcode: number, final: boolean, data: Buffer): void {
    switch (opcode) {
      case 0x0:
      case 0x1:
        this.#fragments.push(data);
        if (!final) return;
        this.onText(Buffer.concat(this.#fragments.splice(0)).toString('utf8'));
        return;
      case 0x8:
        this.#send(0x8, data.subarray(0, 2));
        this.#stream.end();
        return;
      case 0x9:
        this.#send(0xa, data);
        return;
      default:
        return;
    }
  }
}

type Frame = { opcode: number; final: boolean; data: Buffer; bytes: number };

function frameOf(buffer: Buffer): Frame | 'more' | 'bad' {
  if (buffer.length < 2) return 'more';
  const [first, second] = [buffer[0]!, buffer[1]!];
  // A client must mask what it sends.
  if ((second & 0x80) === 0) return 'bad';
  const short = second & 0x7f;
  const wide = short === 127 ? 8 : short === 126 ? 2 : 0;
  const start = 2 + wide + 4;
  if (buffer.length < start) return 'more';
  const length = wide === 8 ? Number(buffer.readBigUInt64BE(2)) : wide === 2 ? buffer.readUInt16BE(2) : short;
  if (length > MOST_BYTES) return 'bad';
  if (buffer.length < start + length) return 'more';
  const mask = buffer.subarray(2 + wide, start);
  const data = Buffer.from(buffer.subarray(start, start + length));
  for (let i = 0; i < data.length; i += 1) data[i]! ^= mask[i % 4]!;
  return { opcode: first & 0x0f, final: (first & 0x80) !== 0, data, bytes: start + length };
}
