import { html } from 'hono/html';

/** A piece of a page. Whatever is put into it as text is escaped. */
export type Html = ReturnType<typeof html>;

/**
 * What has no ink of its own, or moves what stands beside it: controls but tab and line feed, format characters (bidi,
 * zero width, tags), private use, unassigned, ignorable ones, odd spaces, blank braille, marks piled over four. Whole
 * emoji are left alone: they hold joiners.
 */
const INKLESS =
  /\p{RGI_Emoji}|(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\u2800]|(?! )\p{Zs}|(?<=\p{M}{4})\p{M}/gv;
const EMOJI = /^\p{RGI_Emoji}$/v;

/** Foreign text as data: escaped, and what hides is shown as its number. */
export function shown(text: string): Html {
  const parts: (string | Html)[] = [];
  let from = 0;
  for (const match of text.matchAll(INKLESS)) {
    if (EMOJI.test(match[0])) continue;
    parts.push(text.slice(from, match.index), mark(match[0]));
    from = match.index + match[0].length;
  }
  if (from === 0) return html`${text}`;
  parts.push(text.slice(from));
  return html`${parts}`;
}

/** On one line: line breaks are shown too. */
export function shownOnLine(text: string): Html {
  const lines = text.split('\n');
  return html`${lines.map((line, i) => html`${i > 0 ? mark('\n') : ''}${shown(line.replaceAll('\t', ' '))}`)}`;
}

function mark(character: string): Html {
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
  return html`<span class="inkless">U+${code}</span>`;
}

/** A name from outside, set as code, on its own direction. */
export function name(text: string): Html {
  return html`<bdi class="name">${shownOnLine(text)}</bdi>`;
}
