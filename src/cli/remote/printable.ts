import { visible } from '../../text/visible.ts';

/**
 * One line for the terminal. Values come from agents: what would move the cursor, hide or reorder text is escaped, like
 * `\u001b`.
 */
export function printable(text: string): string {
  return visible(text);
}
