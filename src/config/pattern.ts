import { RE2JS } from 're2js';
import type { Matcher } from '../domain/condition.ts';

const LONGEST = 2_000;

export type Compiled = { readonly ok: true; readonly matcher: Matcher } | { readonly ok: false; readonly why: string };

/**
 * Compiles a pattern with RE2's syntax, found anywhere in the subject unless anchored. Matching takes time linear in
 * the subject, whatever the pattern; look-around and back-references do not exist.
 */
export function pattern(text: string): Compiled {
  if (text.length > LONGEST) return { ok: false, why: `longer than ${LONGEST} characters` };
  try {
    const compiled = RE2JS.compile(text);
    return { ok: true, matcher: { test: (subject) => compiled.test(subject) } };
  } catch (error) {
    return { ok: false, why: error instanceof Error ? error.message : String(error) };
  }
}
