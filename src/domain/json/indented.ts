/**
 * Whether a JSON text without blanks, indented by two spaces for each level as `JSON.stringify` does it, has at most so many
 * lines and UTF-16 units, a line's end counted as two. Linear in the text; makes no other.
 */
export function indentedFits(
  bare: string,
  { lines, units }: { readonly lines: number; readonly units: number },
): boolean {
  let [level, ends, room] = [0, 1, units - bare.length - 2];
  let inText = false;
  for (let at = 0; at < bare.length; at++) {
    const unit = bare.charCodeAt(at);
    if (inText) {
      if (unit === BACKSLASH) at++;
      else inText = unit !== QUOTE;
      continue;
    }
    if (unit === QUOTE) {
      inText = true;
      continue;
    }
    if (unit === COLON) room -= 1;
    const opens = unit === BRACE || unit === BRACKET;
    const closes = unit === BRACE + CLOSING || unit === BRACKET + CLOSING;
    if (!opens && !closes && unit !== COMMA) continue;
    if (opens && bare.charCodeAt(at + 1) === unit + CLOSING) {
      at++;
      continue;
    }
    level += opens ? 1 : closes ? -1 : 0;
    ends += 1;
    room -= 2 * level + 2;
    if (ends > lines || room < 0) return false;
  }
  return room >= 0;
}

/** Whether a text that may be JSON is nested deeper than so many levels. Linear; reads no further than that. */
export function isDeeper(text: string, levels: number): boolean {
  let [level, inText] = [0, false];
  for (let at = 0; at < text.length && level <= levels; at++) {
    const unit = text.charCodeAt(at);
    if (inText && unit === BACKSLASH) at++;
    else if (unit === QUOTE) inText = !inText;
    else if (!inText && (unit === BRACE || unit === BRACKET)) level++;
    else if (!inText && (unit === BRACE + CLOSING || unit === BRACKET + CLOSING)) level--;
  }
  return level > levels;
}

const [QUOTE, BACKSLASH, COMMA, COLON, BRACE, BRACKET] = [0x22, 0x5c, 0x2c, 0x3a, 0x7b, 0x5b];
/** From an opening bracket to its closing one, of both kinds. */
const CLOSING = 2;
