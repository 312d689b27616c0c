import { Spell } from '../time/spell.ts';

/** Bytes that are copied in one step: about a millisecond's work in fresh memory. */
const COPIED_AT_ONCE = 1024 * 1024;
/** Chunks after which it is asked whether others should have a turn, however short they are. */
const CHUNKS_AT_ONCE = 4_096;

/**
 * The chunks as one array, copied in pieces so that nobody waits for it. A single chunk is returned as it is, not copied.
 */
export async function joinInTurns(chunks: readonly Uint8Array[]): Promise<Uint8Array> {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (chunks.length === 1 || length <= COPIED_AT_ONCE) return concatBytes(chunks, length);
  const whole = new Uint8Array(length);
  const spell = new Spell();
  let at = 0;
  let copied = 0;
  for (const [n, chunk] of chunks.entries()) {
    if (n % CHUNKS_AT_ONCE === CHUNKS_AT_ONCE - 1) await spell.rest();
    for (let from = 0; from < chunk.length; from += COPIED_AT_ONCE) {
      const piece = chunk.subarray(from, from + COPIED_AT_ONCE);
      whole.set(piece, at);
      at += piece.length;
      copied += piece.length;
      if (copied < COPIED_AT_ONCE) continue;
      copied = 0;
      await spell.rest();
    }
  }
  return whole;
}

/** The chunks as one array of `length` bytes, their sum. A single chunk is returned as it is, not copied. */
export function concatBytes(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const only = chunks[0];
  if (chunks.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
