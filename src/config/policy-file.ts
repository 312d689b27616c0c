import { createHash } from 'node:crypto';
import { glob, isGlob, isToolPattern, longestFirst } from '../domain/glob.ts';
import { isObject } from '../domain/json.ts';
import { type Action, PLAIN_ASK, type Policy, type ToolRule } from '../domain/policy.ts';
import type { Ask } from '../domain/verdict.ts';
import { type Format, readDocument } from './document.ts';
import type { Fault, Key } from './fault.ts';
import { refuseTwice } from './limit.ts';
import { HeadShape, ToolShape } from './policy-schema.ts';
import { askOf, checks, toolRule } from './rule.ts';
import { entriesOf, Faults, salvaged, shaped } from './shape.ts';

/** A group of approvers that a policy names; the config must know it. `fault` says so at its place. */
export interface Mention {
  readonly group: string;
  readonly fault: (message: string, expected: string) => Fault;
}

export type ParsedPolicy =
  | { readonly ok: true; readonly policy: Policy; readonly mentions: readonly Mention[] }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/**
 * Parses one policy file, ours, PolicyLayer's or Intercept's, and compiles it. All faults at once, each with its line
 * and path. `text` must be the file's bytes as UTF-8: the digest is made over it.
 */
export function parsePolicy(text: string, from: { readonly path: string; readonly format?: Format }): ParsedPolicy {
  const read = readDocument(text, from.path, from.format);
  if (!read.ok) return read;
  const faults = new Faults(read.document);
  const mentions: Mention[] = [];
  const mention = (groups: readonly string[] | undefined, at: readonly Key[]): void => {
    for (const [index, group] of (groups ?? []).entries()) {
      const path = [...at, index];
      mentions.push({ group, fault: (message, expected) => read.document.fault(path, message, expected) });
    }
  };
  const digest = createHash('sha256').update(text, 'utf8').digest('hex');
  const policy = compile(read.document.value, digest, mention, faults);
  if (policy === null || faults.list.length > 0) return { ok: false, faults: faults.list };
  return { ok: true, policy, mentions };
}

type Mentioned = (groups: readonly string[] | undefined, at: readonly Key[]) => void;

function compile(value: unknown, digest: string, mention: Mentioned, faults: Faults): Policy | null {
  const head = shaped(HeadShape, value, [], faults) ?? salvaged(HeadShape, value);
  const tools = toolsOf(value, faults);
  const ask = askOf(head.all_tools?.approval, ['all_tools', 'approval'], PLAIN_ASK, faults);
  mention(head.all_tools?.approval?.approvers, ['all_tools', 'approval', 'approvers']);
  mention(head.all_tools?.approval?.escalate?.to, ['all_tools', 'approval', 'escalate', 'to']);
  const allTools = { ...checks(head.all_tools ?? {}, ['all_tools'], faults), ask };
  refuseTwice(allTools.limits, [], ['all_tools', 'limits'], faults);
  const rules: ToolRule[] = [];
  for (const [key, entry] of tools) {
    const rule = toolOf(key, entry, ask, mention, faults);
    if (rule === null) continue;
    refuseTwice(rule.limits, allTools.limits, ['tools', key], faults);
    rules.push(rule);
  }
  const hidden = hiddenOf(head.hide ?? [], faults);
  if (!isObject(value)) return null;
  if (!Object.hasOwn(value, 'default')) faults.add(['default'], 'is missing', 'one of allow, deny, require_approval');
  return { digest, default: head.default ?? ('deny' satisfies Action), hidden, allTools, ...lookUp(rules) };
}

function toolsOf(value: unknown, faults: Faults): [string, unknown][] {
  return isObject(value) ? entriesOf(value.tools, ['tools'], 'a map from tool name to rule', faults) : [];
}

function toolOf(key: string, entry: unknown, fallback: Ask, mention: Mentioned, faults: Faults): ToolRule | null {
  const at = ['tools', key];
  if (!isToolPattern(key)) {
    faults.addKey(at, 'can never match a tool', 'a name of A-Z a-z 0-9 _ . / -, or a glob with * and ?');
  }
  // An empty entry (`create_charge:` in YAML) lists the tool and says nothing about it.
  const shape = shaped(ToolShape, entry ?? {}, at, faults) ?? salvaged(ToolShape, entry);
  mention(shape.approval?.approvers, [...at, 'approval', 'approvers']);
  mention(shape.approval?.escalate?.to, [...at, 'approval', 'escalate', 'to']);
  return toolRule(shape, key, at, fallback, faults);
}

function hiddenOf(hide: readonly string[], faults: Faults): Policy['hidden'] {
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
