import type { Json } from '../../domain/json/json.ts';
import { insteadOfPath, type Path, parsePath } from '../../domain/policy/path.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import { rulesOf } from '../../domain/policy/policy.ts';
import { previewFault } from '../../domain/policy/preview-fault.ts';
import { type PreviewRule, parseArgsTemplate } from '../../domain/policy/preview-rule.ts';
import type { UsualRule } from '../../domain/policy/usual-rule.ts';
import type { Key } from '../document/fault.ts';
import { type FaultList, isNow } from '../document/shape.ts';
import type { PreviewShape, UsualShape } from './schema.ts';

/** Compiles `approval.preview`; null where there is none, or a path of it is wrong. */
export function compilePreview(
  shape: PreviewShape | undefined,
  at: readonly Key[],
  faults: FaultList,
): PreviewRule | null {
  if (shape === undefined) return null;
  const args = parseArgsTemplate((shape.args ?? {}) as Json);
  if (typeof args === 'object' && args !== null && 'wrong' in args) {
    faults.add([...at, 'args'], args.wrong, args.expected);
    return null;
  }
  return { tool: shape.tool, args };
}

/** Faults of previews that only the whole policy shows: each is told where it is written. */
export function refusePreviews(policy: Policy, faults: FaultList): void {
  const common = policy.allTools.ask.preview ?? null;
  const check = (preview: PreviewRule, at: readonly Key[]): void => {
    const fault = previewFault(policy, preview);
    if (fault !== null) faults.add([...at, 'approval', 'preview', 'tool'], fault.wrong, fault.expected);
  };
  if (common !== null) check(common, ['all_tools']);
  for (const { key, ask } of rulesOf(policy)) {
    const preview = ask.preview ?? null;
    if (preview !== null && preview !== common) check(preview, ['tools', key]);
  }
}

/** Compiles `approval.usual`; null where the rule says nothing of it. */
export function compileUsual(shape: UsualShape | undefined, at: readonly Key[], faults: FaultList): UsualRule | null {
  if (shape === undefined) return null;
  const paths = (name: keyof UsualShape): readonly Path[] | null =>
    shape[name]?.flatMap((text, index) => {
      const path = parsePath(text);
      if (path !== null && !path.many) return [path];
      const expected = (path === null ? insteadOfPath(text) : null) ?? 'a path to one value, such as args.to';
      faults.add([...at, name, index], isNow(text), expected);
      return [];
    }) ?? null;
  return { destinations: paths('destinations'), amounts: paths('amounts') };
}
