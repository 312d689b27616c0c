import { visible } from '../../text/visible.ts';

/**
 * One line for the terminal. Values come from agents: what would move the cursor, hide or reorder text is escaped, like
 * `\u001b`.
 */
export function printable(text: string): string {
  return visible(text);
}

/**
 * JSON for the terminal and for programs: what would move the cursor, hide or reorder text is escaped as JSON escapes it,
 * so it parses to the same value. `indent`: blanks per level; without it, one line.
 */
export function printableJson(value: unknown, indent?: number): string {
  // Line breaks of the layout stay; those in texts are escaped already.
  return JSON.stringify(value, null, indent).split('\n').map(visible).join('\n');
}
