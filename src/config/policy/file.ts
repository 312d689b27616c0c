import { createHash } from 'node:crypto';
import { isObject, type JsonObject } from '../../domain/json/json.ts';
import { afterUses } from '../../domain/policy/after.ts';
import { glob, isGlob, isToolPattern, longestFirst } from '../../domain/policy/glob.ts';
import { type Action, PLAIN_ASK, type Policy, type ToolRule } from '../../domain/policy/policy.ts';
import type { Ask } from '../../domain/policy/verdict.ts';
import type { DriftAction } from '../../domain/tool/drift.ts';
import { type Format, readDocument } from '../document/document.ts';
import type { Fault, Key } from '../document/fault.ts';
import { checkShape, entriesOf, FaultList, salvage } from '../document/shape.ts';
import { EVERY_TOOL, interceptApprovals, interceptEveryTool, interceptRule } from '../intercept/rules.ts';
import { InterceptToolShape } from '../intercept/schema.ts';
import { refuseAfterAllowance, refuseForAll } from '../rule/allowance.ts';
import { refuseDoubleCounting } from '../rule/limit.ts';
import { refusePreviews } from '../rule/preview.ts';
import { compileAsk, compileChecks, compileToolRule } from '../rule/rule.ts';
import { type ApprovalShape, ToolShape } from '../rule/schema.ts';
import { HeadShape } from './schema.ts';
import { sectionsOf } from './sections.ts';

/** A group of approvers that a policy names. The config must have it. */
export interface Mention {
  readonly group: string;
  readonly at: readonly Key[];
}

export type ParsedPolicy =
  | {
      readonly ok: true;
      readonly policy: Policy;
      readonly mentions: readonly Mention[];
      /** Makes a fault at a place in this file, for what is wrong only in the light of the config. */
      readonly fault: (at: readonly Key[], message: string, expected: string) => Fault;
    }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/**
 * Parses and compiles one policy file: ours, PolicyLayer's or Intercept's. Reports all faults at once, each with its
 * line and path. `text` must be the file's bytes as UTF-8, because the digest is made over it.
 */
export function parsePolicy(text: string, from: { readonly path: string; readonly format?: Format }): ParsedPolicy {
  const read = readDocument(text, from.path, from.format);
  if (!read.ok) return read;
  const faults = new FaultList(read.document);
  const mentions: Mention[] = [];
  const mention = (group: string, at: readonly Key[]): void => void mentions.push({ group, at });
  const digest = createHash('sha256').update(text, 'utf8').digest('hex');
  const policy = compile(read.document.value, digest, mention, faults);
  if (policy === null || faults.list.length > 0) return { ok: false, faults: faults.list };
  return { ok: true, policy, mentions, fault: (at, message, expected) => read.document.fault(at, message, expected) };
}

/** Conditions on earlier calls in one policy: each costs rows of what is remembered. */
const MOST_AFTERS = 100;

type Mentioned = (group: string, at: readonly Key[]) => void;

function compile(value: unknown, digest: string, mention: Mentioned, faults: FaultList): Policy | null {
  const head = checkShape(HeadShape, value, [], faults) ?? salvage(HeadShape, value);
  if (!isObject(value)) return null;
  const tools = entriesOf(value.tools ?? {}, ['tools'], 'a map from tool name to rule', faults);
  const allTools = allToolsOf(head, tools, mention, faults);
  const rules: ToolRule[] = [];
  for (const [key, entry] of tools) {
    if (key === EVERY_TOOL && isIntercept(entry)) continue;
    const rule = toolOf(key, entry, { ask: allTools.ask, drift: head.drift ?? 'allow' }, mention, faults);
    refuseDoubleCounting(rule.limits, allTools.limits, ['tools', key], faults);
    refuseAfterAllowance(rule, allTools, faults);
    rules.push(rule);
  }
  const hidden = hiddenOf(head.hide ?? [], faults);
  const sections = sectionsOf(value, faults);
  const policy: Policy = {
    digest,
    default: defaultOf(head, value, tools, faults),
    hidden,
    allTools,
    ...lookUp(rules),
    sections,
  };
  refusePreviews(policy, faults);
  const asked = afterUses(policy).length;
  if (asked > MOST_AFTERS) {
    faults.add(['tools'], `has ${asked} conditions on earlier calls (after)`, `at most ${MOST_AFTERS} in one policy`);
  }
  return policy;
}

/** Intercept allows what its file does not list. In our own files a missing `default` is a fault. */
function defaultOf(head: Partial<HeadShape>, value: JsonObject, tools: [string, unknown][], faults: FaultList): Action {
  if (head.default !== undefined) return head.default;
  const listed = tools.filter(([, entry]) => entry !== null);
  if (listed.length > 0 && listed.every(([, entry]) => isIntercept(entry))) return 'allow';
  if (!Object.hasOwn(value, 'default')) faults.add(['default'], 'is missing', 'one of allow, deny, require_approval');
  return 'deny';
}

function allToolsOf(
  head: Partial<HeadShape>,
  tools: readonly [string, unknown][],
  mention: Mentioned,
  faults: FaultList,
): Policy['allTools'] {
  const at = ['all_tools'];
  const shape = head.all_tools ?? {};
  const plain = head.approvals === undefined ? PLAIN_ASK : interceptApprovals(head.approvals, faults);
  const ask = compileAsk(shape.approval, [...at, 'approval'], plain, faults);
  mentionAll(shape.approval, [...at, 'approval'], mention);
  refuseForAll(shape.approval, [...at, 'approval', 'allowance'], faults);
  const own = compileChecks(shape, at, faults);
  const star = tools.find(([key, entry]) => key === EVERY_TOOL && isIntercept(entry));
  const rules = star === undefined ? null : interceptShape(EVERY_TOOL, star[1], mention, faults);
  const every = rules === null ? null : interceptEveryTool(rules, ask, faults);
  const limits = [...own.limits, ...(every?.limits ?? [])];
  refuseDoubleCounting(limits, [], [...at, 'limits'], faults);
  return {
    denyIf: [...own.denyIf, ...(every?.denyIf ?? [])],
    require: [...own.require, ...(every?.require ?? [])],
    askIf: [...own.askIf, ...(every?.askIf ?? [])],
    limits,
    ask: every?.ask ?? ask,
  };
}

function toolOf(
  key: string,
  entry: unknown,
  fallback: { readonly ask: Ask; readonly drift: DriftAction },
  mention: Mentioned,
  faults: FaultList,
): ToolRule {
  const at = ['tools', key];
  if (!isToolPattern(key)) {
    faults.addKey(at, 'can never match a tool', 'a name of A-Z a-z 0-9 _ . / -, or a glob with * and ?');
  }
  if (isIntercept(entry)) return interceptRule(interceptShape(key, entry, mention, faults), key, fallback.ask, faults);
  // An empty entry (`create_charge:` in YAML) lists the tool without a rule.
  const shape = checkShape(ToolShape, entry ?? {}, at, faults) ?? salvage(ToolShape, entry);
  mentionAll(shape.approval, [...at, 'approval'], mention);
  return compileToolRule(shape, key, at, fallback, faults);
}

function interceptShape(key: string, entry: unknown, mention: Mentioned, faults: FaultList): InterceptToolShape {
  const at = ['tools', key];
  const shape = checkShape(InterceptToolShape, entry, at, faults) ?? salvage(InterceptToolShape, entry);
  mentionAll(shape.approval, [...at, 'approval'], mention);
  return { rules: [], ...shape };
}

function isIntercept(entry: unknown): boolean {
  return isObject(entry) && Object.hasOwn(entry, 'rules');
}

function mentionAll(shape: ApprovalShape | undefined, at: readonly Key[], mention: Mentioned): void {
  for (const [index, group] of (shape?.approvers ?? []).entries()) mention(group, [...at, 'approvers', index]);
  for (const [index, group] of (shape?.escalate?.to ?? []).entries()) mention(group, [...at, 'escalate', 'to', index]);
  const quiet = shape?.quiet;
  if (quiet !== undefined && quiet !== 'none') mention(quiet.to_group, [...at, 'quiet', 'to_group']);
  const quorum = shape?.quorum;
  for (const group of typeof quorum === 'object' ? Object.keys(quorum) : []) mention(group, [...at, 'quorum', group]);
}

function hiddenOf(hide: readonly string[], faults: FaultList): Policy['hidden'] {
  for (const [index, name] of hide.entries()) {
    if (!isToolPattern(name)) faults.add(['hide', index], 'can never match a tool', 'a tool name or a glob');
    else if (hide.indexOf(name) !== index) faults.add(['hide', index], 'is listed twice', 'each name once');
  }
  return {
    exact: new Set(hide.filter((name) => !isGlob(name))),
    globs: hide.filter(isGlob).map(glob),
  };
}

function lookUp(rules: readonly ToolRule[]): Pick<Policy, 'exact' | 'globs'> {
  return {
    exact: new Map(rules.filter((rule) => !isGlob(rule.key)).map((rule) => [rule.key, rule])),
    globs: longestFirst(rules.filter((rule) => isGlob(rule.key)).map((rule) => ({ glob: glob(rule.key), rule }))),
  };
}
