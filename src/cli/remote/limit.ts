import { Misuse } from '../parse/misuse.ts';

/** The most items that a list prints at once; `next` leads to the rest. */
const MOST = 100_000;

/** How many items `--limit` asks for. */
export function limitIn(text: string): number {
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= MOST) return limit;
  throw new Misuse(`--limit is a whole number from 1 to ${MOST.toLocaleString('en-US')}.`);
}
