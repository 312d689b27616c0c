import type { Freeze } from '../freeze/freeze.ts';
import type { Allowance } from './allowance.ts';

/**
 * What a card tells that its approval's revision does not say: the freeze over it, and the allowance that was given with
 * it, with its uses and its end. `sql/allowances.ts` (`ADVANCE_TO_TELL`) makes the same text. Null: nothing.
 */
export function toldBeside({
  freeze = null,
  allowance = null,
}: {
  readonly freeze?: Freeze | null;
  readonly allowance?: Allowance | null;
}): string | null {
  const marks = [
    ...(freeze === null ? [] : [freeze.id]),
    ...(allowance === null ? [] : [`${allowance.id}:${allowance.used}:${allowance.ended?.why ?? ''}`]),
  ];
  return marks.length === 0 ? null : marks.join(' ');
}
