import type { Redaction } from '../json/redact.ts';
import { secretName } from '../json/secret-name.ts';
import type { Condition } from '../policy/condition.ts';
import { type Path, segments } from '../policy/path.ts';

/**
 * The first path of a condition that may lead to what is hidden of a call, or holds it; null: none does. What becomes of such a
 * condition would tell, one try after the other, what nobody is shown.
 */
export function hiddenPathIn(condition: Condition, redaction: Redaction): Path | null {
  switch (condition.kind) {
    case 'test':
      return isHiddenAt(condition.path, redaction) ? condition.path : null;
    case 'all':
    case 'any':
      for (const each of condition.of) {
        const found = hiddenPathIn(each, redaction);
        if (found !== null) return found;
      }
      return null;
    case 'after':
    case 'always':
      return null;
    default:
      return condition satisfies never;
  }
}

function isHiddenAt(path: Path, { byName, paths }: Redaction): boolean {
  const names = segments(path);
  const meets = (hidden: readonly string[]): boolean =>
    hidden.every((name, n) => n >= names.length || name === '*' || names[n] === '*' || name === names[n]);
  if (paths.some(({ part, segments: hidden }) => part === path.root && meets(hidden))) return true;
  // The last of any names may be a secret one.
  return byName && (path.steps.at(-1)?.kind === 'each' || names.some((name) => secretName(name) !== null));
}
