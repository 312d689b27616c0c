import { nearestWord } from '../../text/nearest.ts';

/** A guess at what was meant, on a line of its own as commander writes it; empty where nothing is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = nearestWord(word, known);
  return near === null ? '' : `\n(Did you mean ${near}?)`;
}
