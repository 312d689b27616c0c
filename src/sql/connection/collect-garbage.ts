import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (how: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/**
 * Collects this thread's garbage, and gives the pages back that it filled. For the end of a start: loading a program
 * leaves as much garbage as the program takes, and V8 keeps that memory for as long as it is not short of it. Takes a
 * tenth of a second or two, in which the thread does nothing else.
 */
export function collectGarbage(): void {
  // Only contexts that are made from now on have it, and nobody else makes any.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
