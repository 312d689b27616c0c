import type { ServerResponse } from 'node:http';

/** A response of node:http that an answer can be written to directly. */
export interface NodeResponse {
  readonly outgoing: ServerResponse;
  /** The `Response` that the door returns after it has written to `outgoing`. */
  readonly alreadySent: Response;
}

/**
 * Null where this runtime has no node:http response, or where its HTTP server cannot learn that the answer has been
 * written already; then the answer must be a `Response`.
 */
export function nodeResponseOf(
  outgoing: ServerResponse | null,
  alreadySent: Response | undefined,
): NodeResponse | null {
  return outgoing === null || alreadySent === undefined ? null : { outgoing, alreadySent };
}

/** Longer bodies are written as bytes: copying them costs more than a second write. */
const LONGEST_AS_TEXT = 256 * 1024;

/**
 * Writes a complete answer. The body is written as latin1 text, one character a byte, because node:http joins text with
 * the head into a single write; a body of bytes is a second write, which is markedly slower. The bytes are the same.
 */
export function writeWhole(
  { outgoing, alreadySent }: NodeResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  { buffer, byteOffset, byteLength }: Uint8Array,
): Response {
  outgoing.writeHead(status, { ...headers, 'content-length': byteLength });
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  if (byteLength > LONGEST_AS_TEXT) outgoing.end(bytes);
  else outgoing.end(bytes.toString('latin1'), 'latin1');
  return alreadySent;
}
