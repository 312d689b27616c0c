/**
 * The characters that deceive: they leave no ink, so that a text holds more than it shows, or they change the order in
 * which the text around them is shown. Untrusted text goes through here before a person sees it.
 *
 * Matched are controls (tab and line breaks among them), format characters (bidirectional, zero-width, tags), lone
 * surrogates, private-use and unassigned code points, ignorable ones, line and paragraph separators, every space but
 * U+0020, blank braille, and combining marks beyond the fourth. Whole emoji are matched as group 1, to be left alone:
 * they contain joiners and selectors.
 */
const INKLESS =
  /(\p{RGI_Emoji})|[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\u2800]|(?! )\p{Zs}|(?<=\p{M}{4})\p{M}/gv;

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/** A character without which nothing above can match; looking for emoji is what costs. */
const SUSPECT = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\p{M}\u2800]|(?! )\p{Zs}/u;

/** A text with something visible in place of each inkless character (one code point). */
export function replaceInkless(text: string, instead: (character: string) => string): string {
  // Most text is plain, and matching costs.
  if (PRINTABLE_ASCII.test(text) || !SUSPECT.test(text)) return text;
  return text.replace(INKLESS, (match, emoji: string | undefined) => emoji ?? instead(match));
}

/** Every inkless character (one code point) of a text, in order, with its offset. */
export function* inklessIn(text: string): Generator<{ readonly at: number; readonly character: string }> {
  if (!SUSPECT.test(text)) return;
  for (const match of text.matchAll(INKLESS)) {
    if (match[1] === undefined) yield { at: match.index, character: match[0] };
  }
}
