import { RE2JS } from 're2js';
import type { Matcher } from '../../domain/policy/condition.ts';

const LONGEST = 2_000;

export type CompiledPattern =
  | { readonly ok: true; readonly matcher: Matcher }
  | { readonly ok: false; readonly why: string };

/**
 * Compiles a pattern in RE2 syntax. It matches anywhere in the subject unless it is anchored. Matching takes time
 * linear in the length of the subject, whatever the pattern; there are no look-arounds and no back-references.
 */
export function compilePattern(text: string): CompiledPattern {
  if (text.length > LONGEST) return { ok: false, why: `longer than ${LONGEST} characters` };
  try {
    const compiled = RE2JS.compile(text);
    return { ok: true, matcher: { test: (subject) => compiled.test(subject) } };
  } catch (error) {
    return { ok: false, why: error instanceof Error ? error.message : String(error) };
  }
}
