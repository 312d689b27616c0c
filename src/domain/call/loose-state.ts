const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** The bits of a last character of base64 that decoders may drop, at most. */
const DROPPED_BITS = 0b1111;
/** From this many characters on, a state may be base64 of something signed or encrypted. */
const SHORTEST_ENCODED = 16;
/** How often a state may be percent-encoded. */
const MOST_DECODED = 3;

/**
 * A server's state as loosely as servers read it: decoders of base64 and hex take several spellings for one. Blanks,
 * padding, case, both alphabets of base64, what decoders skip, the unused bits at the end, and percent-encoding make no
 * difference. Two states that differ may look the same.
 */
export function looseState(state: string): string {
  const decoded = percentDecoded(state.normalize('NFKC')).replaceAll('-', '+').replaceAll('_', '/');
  const text = decoded.replaceAll(/[^\p{L}\p{N}+/]/gu, '');
  // Nothing but signs: then they are all that tells it from others.
  if (text === '') return decoded;
  const isHex = /^[0-9a-f+]*$/i.test(text);
  const last = BASE64.indexOf(text.at(-1)!);
  if (isHex || last === -1 || text.length < SHORTEST_ENCODED) return text.toLowerCase();
  return text.slice(0, -1).toLowerCase() + BASE64[last & ~DROPPED_BITS];
}

function percentDecoded(text: string): string {
  let decoded = text;
  for (let times = 0; times < MOST_DECODED && decoded.includes('%'); times += 1) {
    try {
      decoded = decodeURIComponent(decoded);
    } catch {
      return decoded;
    }
  }
  return decoded;
}
