import type { ServerResponse } from 'node:http';

/** The response of node:http, and what the door returns in place of one once that is written to. */
export interface NodeResponse {
  readonly outgoing: ServerResponse;
  readonly sent: Response;
}

/** null: this runtime has no such response, or its server cannot be told; then the answer must be a `Response`. */
export function nodeResponseOf(outgoing: ServerResponse | null, sent: Response | undefined): NodeResponse | null {
  return outgoing === null || sent === undefined ? null : { outgoing, sent };
}

/**
 * An answer that is there whole. As text of one byte a character, head and body are one string and one write; node:http
 * hands bytes to the system beside the head, which takes it markedly longer. The bytes are the same.
 */
export function writeWhole(
  { outgoing, sent }: NodeResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  { buffer, byteOffset, byteLength }: Uint8Array,
): Response {
  outgoing.writeHead(status, { ...headers, 'content-length': byteLength });
  outgoing.end(Buffer.from(buffer, byteOffset, byteLength).toString('latin1'), 'latin1');
  return sent;
}
