import { LONGEST_OWN_WITHIN, MOST_OWN_WITHIN } from '../domain/allowance/allowance.ts';
import type { Json } from '../domain/json/json.ts';
import type { WordedBound } from '../domain/policy/allowance-rule.ts';
import { readDocument } from './document/document.ts';
import { checkShape, FaultList } from './document/shape.ts';
import { compileOwnClauses } from './rule/clause.ts';
import { ConditionShape } from './rule/schema.ts';

/** Compiles conditions that a person gives with an allowance; a text: what is wrong with them, and what would be right. */
export function ownConditions(within: readonly Json[]): readonly WordedBound[] | string {
  if (within.length > MOST_OWN_WITHIN)
    return `within has ${within.length} conditions; at most ${MOST_OWN_WITHIN} may be given.`;
  const text = JSON.stringify(within);
  if (text.length > LONGEST_OWN_WITHIN) {
    return `within is ${text.length} characters of JSON; at most ${LONGEST_OWN_WITHIN} may be given.`;
  }
  if (!JSON.stringify(within).isWellFormed() || /\\u(?:0000|d[89a-f][0-9a-f]{2})/i.test(text)) {
    return 'within holds characters that cannot be kept. Send plain text.';
  }
  const read = readDocument(text, 'within', 'json');
  if (!read.ok) return faultText(read.faults);
  const faults = new FaultList(read.document);
  const shapes = within.map((each, n) => checkShape(ConditionShape, each, [n], faults));
  const clauses = compileOwnClauses(
    shapes.filter((shape) => shape !== null),
    [],
    faults,
  );
  return faults.list.length > 0 ? faultText(faults.list) : clauses;
}

function faultText(
  faults: readonly { readonly path: string; readonly message: string; readonly expected: string | null }[],
): string {
  const [first] = faults;
  if (first === undefined) return 'within cannot be read.';
  return `within${first.path === '' ? '' : ` ${first.path}`} ${first.message}${first.expected === null ? '' : `; expected ${first.expected}`}.`;
}
