import { visible } from '../../text/visible.ts';
import type { ViewLine } from './view.ts';

/** Spaces and tabs at the end of a line. */
const TRAILING = /[ \t]+$/;

/**
 * A line of a view, safe to show in a box of fixed width: everything inkless is visible. A tab is an arrow with blanks, and
 * blanks at the end of a line that changes are dots, so that lines which differ in these look different; among the
 * arguments they stand as they are.
 */
export function shownLine({ mark, text }: ViewLine): string {
  if (mark === '…') return `… ${text}`;
  const ending = mark === '+' || mark === '-' ? (TRAILING.exec(text)?.[0] ?? '') : '';
  const kept = ending === '' ? text : text.slice(0, -ending.length);
  const shown = `${tabbed(kept)}${[...ending].map((blank) => (blank === ' ' ? '·' : '→')).join('')}`;
  return mark === '' ? shown : `${mark} ${shown}`;
}

function tabbed(text: string): string {
  return text.split('\t').map(visible).join('→   ');
}
