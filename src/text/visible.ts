import { replaceInkless } from './deceptive.ts';

/** Letters that a renderer may move to the other side of the text beside them. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const RIGHT_TO_LEFT_ALL = new RegExp(RIGHT_TO_LEFT, 'gu');
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;
const NOT_PRINTABLE_ASCII = /[^\x20-\x7e]/gu;

/** A character as JSON escapes it: six characters, `\u202e`, for each of its UTF-16 units. */
function unitEscapes(character: string): string {
  let shown = '';
  for (let i = 0; i < character.length; i++) {
    shown += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  }
  return shown;
}

/** Makes every character visible and keeps it from reordering the text around it. Line breaks are escaped too. */
export function visible(text: string): string {
  return replaceInkless(text, unitEscapes);
}

/** The same, of one line with its own line break, which stays. */
export function lineMadeVisible(line: string): string {
  return line.endsWith('\n') ? `${visible(line.slice(0, -1))}\n` : visible(line);
}

export function turnsAround(text: string): boolean {
  return RIGHT_TO_LEFT.test(text);
}

/** For a name to the left of its value: right-to-left letters are escaped, or the two would swap places. */
export function leftToRight(text: string): string {
  if (PRINTABLE_ASCII.test(text)) return text;
  return visible(text).replace(RIGHT_TO_LEFT_ALL, unitEscapes);
}

/**
 * For a name that has only ASCII in it where it is honest, such as a tool's: everything else is escaped, so that letters
 * of another script that look alike cannot pass for it.
 */
export function asciiOnly(name: string): string {
  return name.replace(NOT_PRINTABLE_ASCII, unitEscapes);
}
