import type { Redaction } from '../../domain/json/redact.ts';
import { secretName } from '../../domain/json/secret-name.ts';
import { asksOfEarlier } from '../../domain/policy/after.ts';
import type { AllowanceRule } from '../../domain/policy/allowance-rule.ts';
import { insteadOfPath, type Path, parsePath, segments } from '../../domain/policy/path.ts';
import type { Policy, ToolRule } from '../../domain/policy/policy.ts';
import type { Ask } from '../../domain/policy/verdict.ts';
import type { Key } from '../document/fault.ts';
import { type FaultList, isNow } from '../document/shape.ts';
import { compileOwnClauses } from './clause.ts';
import type { AllowanceShape, ApprovalShape, ToolShape } from './schema.ts';

const VARIED_FORM = 'a path to one argument, such as args.name or args.filter.id';

/** Compiles `approval.allowance`; null where there is none, or a path of it is wrong. */
export function compileAllowance(
  shape: AllowanceShape | undefined,
  at: readonly Key[],
  faults: FaultList,
): AllowanceRule | null {
  if (shape === undefined) return null;
  const mayVary: Path[] = [];
  for (const [index, text] of (shape.may_vary ?? []).entries()) {
    const path = variedPath(text, [...at, 'may_vary', index], mayVary, faults);
    if (path !== null) mayVary.push(path);
  }
  const within = compileOwnClauses(shape.within, [...at, 'within'], faults);
  return { maxMinutes: shape.max_minutes, maxCalls: shape.max_calls, mayVary, within };
}

function variedPath(text: string, at: readonly Key[], others: readonly Path[], faults: FaultList): Path | null {
  const path = parsePath(text);
  if (path === null || path.root !== 'args' || path.many) {
    faults.add(at, isNow(text), (path === null ? insteadOfPath(text) : null) ?? VARIED_FORM);
    return null;
  }
  const other = others.find((each) => leadsInto(path, each) || leadsInto(each, path));
  if (other === undefined) return path;
  faults.add(at, `lies in ${other.text}, or holds it`, 'paths of which none leads into another');
  return null;
}

function leadsInto(path: Path, into: Path): boolean {
  const [own, other] = [segments(path), segments(into)];
  return own.every((name, n) => n >= other.length || name === other[n]) && own.length >= other.length;
}

/** Tools whose calls are each a person's own decision, and arguments that no person would see vary. */
export function refuseAllowance(
  { risk, severity, stepUp }: Pick<ToolShape, 'risk' | 'severity'> & Pick<Ask, 'stepUp'>,
  allowance: AllowanceRule | null,
  redaction: Redaction,
  at: readonly Key[],
  faults: FaultList,
): void {
  if (allowance === null) return;
  const signed = stepUp === 'required' ? 'step_up is required' : null;
  const never = signed ?? (risk === 'financial' || risk === 'destructive' ? `risk is ${risk}` : null);
  const why = never ?? (severity === 'critical' ? 'severity is critical' : null);
  if (why !== null) {
    faults.addKey(at, `is set, and ${why}: each such call needs its own approval`, 'no allowance here');
  }
  for (const [index, path] of allowance.mayVary.entries()) {
    const names = segments(path);
    const byPath = redaction.paths.some(
      ({ part, segments: hidden }) =>
        part === 'args' && hidden.every((name, n) => n < names.length && (name === '*' || name === names[n])),
    );
    if (byPath || (redaction.byName && names.some((name) => secretName(name) !== null))) {
      faults.add(
        [...at, 'may_vary', index],
        'is hidden on cards, so nobody would see what varies',
        'an argument that is shown',
      );
    }
  }
}

/** What is asked because of what was called before is for a person to see each time. */
export function refuseAfterAllowance(rule: ToolRule, allTools: Policy['allTools'], faults: FaultList): void {
  if (!rule.ask.allowance) return;
  const clause = asksOfEarlier({ allTools }, rule);
  if (clause === null) return;
  faults.addKey(
    ['tools', rule.key, 'approval', 'allowance'],
    `is set, and ${clause.where} looks at earlier calls (after): a person sees each call that it asks about`,
    'no allowance here, or no after in ask_if',
  );
}

/** What all tools have in common says nothing of the arguments of one. */
export function refuseForAll(shape: ApprovalShape | undefined, at: readonly Key[], faults: FaultList): void {
  if (shape?.allowance === undefined) return;
  faults.addKey(at, 'is set for all tools', 'allowance under approval of one tool, or of a glob');
}
