import { html } from 'hono/html';
import { inklessIn } from '../../text/deceptive.ts';
import { Spell } from '../../time/spell.ts';
import type { Html } from './html.ts';

/** Untrusted text as data: escaped, with each invisible or reordering character shown as its code point (`U+202E`). */
export function visibleText(text: string): Html {
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

/** Characters of a long text that are made visible at once. */
const PIECE = 64 * 1024;
/** Nothing that deceives, and no emoji, reaches over the gap between two of these. */
const GAP = /[\p{L} ,:"{}[\]](?=[\p{L} ,:"{}[\]])/gu;

/** The same for a text of any length, in pieces between which others have turns. */
export async function visibleInTurns(text: string): Promise<Awaited<Html>> {
  const spell = new Spell();
  const parts: Html[] = [];
  for (let from = 0; from < text.length; ) {
    const end = endOfPiece(text, from + PIECE);
    parts.push(visibleText(text.slice(from, end)));
    from = end;
    await spell.rest();
  }
  return html`${parts}`;
}

function endOfPiece(text: string, at: number): number {
  if (at >= text.length) return text.length;
  GAP.lastIndex = at;
  const gap = GAP.exec(text);
  return gap === null ? text.length : gap.index + gap[0].length;
}

/** The same on one line: a line feed is shown as `U+000A`, a tab as a space. */
export function visibleLine(text: string): Html {
  const lines = text.split('\n');
  return html`${lines.map((line, i) => html`${i > 0 ? mark('\n') : ''}${visibleText(line.replaceAll('\t', ' '))}`)}`;
}

function mark(character: string): Html {
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
  return html`<span class="inkless">U+${code}</span>`;
}

/** An untrusted name on one line, set as code and isolated, so that its direction cannot affect its neighbours. */
export function visibleName(text: string): Html {
  return html`<bdi class="name">${visibleLine(text)}</bdi>`;
}
