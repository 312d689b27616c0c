import { RE2JS } from 're2js';
import type { Matcher } from '../../domain/policy/condition.ts';

const LONGEST = 2_000;
/** Steps of a pattern's program: what is repeated counts as often. With more, compiling it and matching one call take seconds. */
const LARGEST = 20_000;
/** A class of letters of all languages is a long list of ranges. */
const CLASS_STEPS = 20;

export type CompiledPattern =
  | { readonly ok: true; readonly matcher: Matcher }
  | { readonly ok: false; readonly why: string };

/**
 * Compiles a pattern in RE2 syntax. It matches anywhere in the subject unless it is anchored. Matching takes time
 * linear in the length of the subject, whatever the pattern; there are no look-arounds and no back-references.
 */
export function compilePattern(text: string): CompiledPattern {
  if (text.length > LONGEST) return { ok: false, why: `longer than ${LONGEST} characters` };
  if (patternSteps(text) > LARGEST) return { ok: false, why: 'too much is repeated too often' };
  try {
    const compiled = RE2JS.compile(text);
    return { ok: true, matcher: { test: (subject) => compiled.test(subject) } };
  } catch (error) {
    return { ok: false, why: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * About how many steps a pattern is compiled to, told from its text alone, because compiling a large one takes seconds and
 * hundreds of megabytes. What it does not understand it counts by its characters. 0: it is longer than any may be.
 */
export function patternSteps(text: string): number {
  if (text.length > LONGEST) return 0;
  /** What the open groups hold so far, outermost first. */
  const groups: number[] = [0];
  let last = 0;
  const add = (steps: number): void => {
    groups[groups.length - 1]! += steps;
    last = steps;
  };
  for (let at = 0; at < text.length; ) {
    const [word] = PART.exec(text.slice(at))!;
    at += word.length;
    const times = TIMES.exec(word);
    if (word.startsWith(QUOTE)) add(word.length);
    else if (word.startsWith('(')) groups.push(0);
    else if (word === ')' && groups.length > 1) add(groups.pop()! + 1);
    else if (times !== null) {
      const most = Math.max(1, Number(times[1]), Number(times[2] ?? 0));
      const steps = last * most;
      groups[groups.length - 1]! += steps - last;
      last = steps;
    } else if (/\\[pP]/.test(word)) add(CLASS_STEPS * (word.match(/\\[pP]/g) ?? []).length);
    else add(1);
  }
  return groups.reduce((sum, steps) => sum + steps, 0);
}

/** Quoted text, a class, an escape, a count, or one character. */
const PART =
  /^(?:\\Q[\s\S]*?(?:\\E|$)|\[\^?\]?(?:\\[\s\S]|\[:\^?\w+:\]|[^\]\\])*\]|\\[pP]\{[^}]*\}|\\[pP][\s\S]?|\\x\{[^}]*\}|\\[\s\S]|\{\d+(?:,\d*)?\}|[\s\S])/;
const QUOTE = '\\Q';
const TIMES = /^\{(\d+)(?:,(\d*))?\}$/;
