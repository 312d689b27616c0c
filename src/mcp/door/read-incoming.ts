import type { IncomingMessage } from 'node:http';
import { joinInTurns } from '../../bytes/join.ts';
import { standBack } from '../../time/stand-back.ts';

/** Bytes of one body that are taken from its socket before others have their time. */
const PIECE = 256 * 1024;
/** Milliseconds that others get then. */
const OTHERS_MS = 2;

/**
 * The body of a request that announces `length` bytes. Takes it from its socket in pieces: whoever sends fast would be read
 * without a pause, 2 MB of each of his connections in one turn. What is not taken yet waits in the socket. Rejects when the
 * sender goes before the end.
 */
export function readIncoming(incoming: IncomingMessage, length: number): Promise<Uint8Array> {
  // Not all of it at once: that would be 4 MB to be cleared for each of many, of which nothing may ever come.
  const chunks: Uint8Array[] = [];
  let [at, sinceRest] = [0, 0];
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      at += chunk.length;
      sinceRest += chunk.length;
      // node:http ends a body at its announced length, so nothing has to be waited for any more.
      if (at === length) onEnd();
      if (at === length || sinceRest < PIECE) return;
      sinceRest = 0;
      incoming.pause();
      void standBack(OTHERS_MS).then(() => incoming.resume());
    };
    const end = (ended: () => void): void => {
      incoming.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      ended();
    };
    const onEnd = (): void => end(() => resolve(chunks.length === 1 ? chunks[0]! : joinInTurns(chunks)));
    const onError = (error: Error): void => end(() => reject(error));
    const onClose = (): void => onError(new Error('the sender went before the end of its request'));
    incoming.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
    if (incoming.destroyed) onClose();
  });
}
