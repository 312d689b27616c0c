import { html } from 'hono/html';
import { inklessIn } from '../../text/deceptive.ts';

/** A piece of a page. Whatever is put into it as text is escaped. */
export type Html = ReturnType<typeof html>;

/** Foreign text as data: escaped, and what hides is shown as its number. */
export function shown(text: string): Html {
  const parts: (string | Html)[] = [];
  let from = 0;
  for (const { at, character } of inklessIn(text)) {
    // A page shows tabs and line feeds as what they are.
    if (character === '\t' || character === '\n') continue;
    parts.push(text.slice(from, at), mark(character));
    from = at + character.length;
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
