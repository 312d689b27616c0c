/** Characters that a token has at least: 16 of hex are 64 bits, more than anybody can try at ten a minute. */
export const SHORTEST_TOKEN = 16;
/** Different characters that a random token has at least. */
const FEWEST_DIFFERENT = 8;

/** What a token must be, in words. */
export const TOKEN_RULE = `at least ${SHORTEST_TOKEN} random characters, ${FEWEST_DIFFERENT} of them different: openssl rand -base64 32`;

/** Why a token can be guessed, in words that do not repeat it; null when nothing says so. */
export function guessable(token: string): string | null {
  if (token.length < SHORTEST_TOKEN) return 'is short enough to be guessed';
  return patterned(token);
}

/** As `guessable`, whatever the length. */
export function patterned(token: string): string | null {
  if (new Set(token).size < FEWEST_DIFFERENT) return 'has few different characters, so it can be guessed';
  if (repeats(token)) return 'repeats one piece, so it can be guessed';
  return counts(token) ? 'counts up or down, so it can be guessed' : null;
}

/** `admin1admin1admin1admin1`: a text that contains itself moved by at most half of its length. */
function repeats(token: string): boolean {
  for (let period = 1; period <= token.length / 2; period += 1) {
    if (token.startsWith(token.slice(period))) return true;
  }
  return false;
}

/** `abcdefgh…` or `0123…`: most characters follow the one before. A random number has some that do. */
function counts(token: string): boolean {
  let steps = 0;
  for (let i = 1; i < token.length; i += 1) {
    if (Math.abs(token.charCodeAt(i) - token.charCodeAt(i - 1)) <= 1) steps += 1;
  }
  return steps > ((token.length - 1) * 2) / 3;
}
