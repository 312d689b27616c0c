import { isToolName } from '../../domain/call/call.ts';
import { isObject, type Json, type JsonObject } from '../../domain/json/json.ts';
import { matchesGlob } from '../../domain/policy/glob.ts';
import type { Policy, ToolRule } from '../../domain/policy/policy.ts';
import { isHidden, redactionOf, ruleFor } from '../../domain/policy/rule.ts';
import { roundUp } from '../../domain/replay/bounds.ts';
import type { ToolUse } from '../../domain/replay/usage.ts';
import { plural } from '../../text/plural.ts';
import { parseRate } from '../rule/limit.ts';
import { conditionsFor } from './suggested-conditions.ts';

/** A policy file as it is suggested, with what is said over its rules, by their keys, and over all of it. */
export interface PlannedPolicy {
  readonly file: JsonObject;
  readonly comments: ReadonlyMap<string, readonly string[]>;
  readonly notes: readonly string[];
}

interface Given {
  readonly policy: Policy;
  readonly uses: readonly ToolUse[];
  readonly mayAsk: boolean;
}

/** The most calls of one agent in an hour, times this, are let through; and no fewer than these. */
const HEADROOM = 3;
const FEWEST_AN_HOUR = 10;
const LONGEST_COUNTER = 128;

type Entry = Record<string, Json>;

/**
 * The ruling file with more in the way. What it says stays; only this is ever changed:
 *
 * | in the ruling policy | in the suggested one |
 * |---|---|
 * | `default: allow` | `deny`; tools that were used get a rule of their own, sections keep what the default gave them |
 * | a rule of one tool that was used | gets conditions, and a limit where it has none |
 * | a rule of one tool that was not used, and allows | `action: deny` |
 * | a glob that allows | the tools that were used get its rule as their own, with its counters; then `action: deny` |
 * | what asks or denies, is watched, or is in Intercept's form | stays as it is |
 */
export function plannedPolicy(ruling: JsonObject, given: Given, unbounded: ReadonlySet<string>): PlannedPolicy {
  const { policy, uses } = given;
  const tools = new Map<string, Json>(Object.entries(isObject(ruling.tools) ? ruling.tools : {}));
  const comments = new Map<string, string[]>();
  const notes: string[] = [];
  const used = new Set<string>();
  const kept = new Set<string>();
  for (const use of uses.toSorted((one, other) => (one.tool < other.tool ? -1 : 1))) {
    const { tool } = use;
    const rule = ruleFor(policy, tool);
    if (!isToolName(tool) || isHidden(policy, tool) || (rule?.action ?? policy.default) === 'deny') {
      notes.push(`${tool}: called ${use.calls} times; the policy denies it, and stays as it is.`);
      continue;
    }
    used.add(tool);
    const entry = entryFor(tool, rule, tools, policy);
    if (entry === null) {
      if (rule !== null) kept.add(rule.key);
      comments.set(rule?.key ?? tool, [...(comments.get(rule?.key ?? tool) ?? []), evidenceOf(use)]);
      continue;
    }
    comments.set(tool, bounded(entry, use, rule, given, unbounded));
    tools.set(tool, entry);
  }
  for (const [key, rule] of policy.exact) {
    if (!used.has(key) && closeRule(tools, key, rule)) comments.set(key, ['not called in this time; it was allowed']);
  }
  for (const { glob, rule } of policy.globs) {
    const isIn = [...used].some((tool) => matchesGlob(glob, tool));
    if (kept.has(rule.key) || !closeRule(tools, rule.key, rule)) continue;
    comments.set(rule.key, [
      isIn ? 'the tools that were called have rules of their own' : 'not called in this time; it was allowed',
    ]);
  }
  return { file: withTools(ruling, policy, tools), comments, notes };
}

/** The rule's entry, of its own, to be added to; null: it stays as it is. */
function entryFor(tool: string, rule: ToolRule | null, tools: ReadonlyMap<string, Json>, policy: Policy): Entry | null {
  if (rule === null) return { action: policy.default };
  const written = tools.get(rule.key);
  if (written === undefined || rule.mode === 'watch') return null;
  if (written === null) return {};
  if (!isObject(written) || Object.hasOwn(written, 'rules')) return null;
  if (rule.key === tool) return { ...written };
  return rule.action === 'allow' ? copied(written, rule.key) : null;
}

/** A glob's rule as one tool's own, which goes on counting with the glob's counters; null: it could not. */
function copied(written: JsonObject, key: string): Entry | null {
  const { rate_limit: rate, ...entry } = written;
  if (rate === undefined) return { ...entry };
  const parsed = typeof rate === 'string' ? parseRate(rate) : null;
  if (parsed === null) return null;
  const counted = { counter: `rate_limit:${key}`, window: parsed.window, max: parsed.max, scope: 'session' };
  return { ...entry, limits: [...(Array.isArray(entry.limits) ? (entry.limits as Json[]) : []), counted] };
}

/** Adds what was seen to an entry. What is said over it. */
function bounded(
  entry: Entry,
  use: ToolUse,
  rule: ToolRule | null,
  { mayAsk, policy }: Given,
  unbounded: ReadonlySet<string>,
): string[] {
  const said = [evidenceOf(use)];
  const asks = (rule?.action ?? policy.default) === 'require_approval';
  const { require, askIf, notes } = conditionsFor(use, mayAsk && !asks, redactionOf(policy, use.tool));
  if (unbounded.has(use.tool))
    said.push('its arguments are not bounded: conditions on them denied what was let through');
  else {
    append(entry, 'require', require);
    append(entry, 'ask_if', askIf);
    said.push(...notes);
    if (askIf.length > 0) said.push('not all arguments are known, so what lies outside of them is asked about');
  }
  const counter = `suggested:${use.tool}`;
  if ((rule?.limits.length ?? 0) === 0 && counter.length <= LONGEST_COUNTER) {
    const max = Math.max(FEWEST_AN_HOUR, roundUp(HEADROOM * use.busiest.calls));
    append(entry, 'limits', [{ counter, window: 'hour', max, scope: 'grant' }]);
  }
  return said;
}

function append(entry: Entry, name: string, more: readonly JsonObject[]): void {
  if (more.length === 0) return;
  const there = entry[name];
  entry[name] = [...(Array.isArray(there) ? (there as Json[]) : []), ...more];
}

function evidenceOf({ tool, calls, known, agents, busiest }: ToolUse): string {
  const hour = busiest.hour.toISOString().slice(0, 13).replace('T', ' ');
  return (
    `${tool}: ${calls} ${plural(calls, 'call')} by ${agents.size} ${plural(agents.size, 'agent')}, arguments known of ${known}; ` +
    `most by one in an hour: ${busiest.calls} (${hour}:00 UTC)`
  );
}

/** Has a rule that allows deny. Whether it does now. */
function closeRule(tools: Map<string, Json>, key: string, rule: ToolRule): boolean {
  const written = tools.get(key) ?? {};
  if (rule.action !== 'allow' || rule.mode === 'watch' || !tools.has(key)) return false;
  if (!isObject(written) || Object.hasOwn(written, 'rules')) return false;
  const { ask_if: _, approval: __, ...rest } = written;
  tools.set(key, { ...rest, action: 'deny' });
  return true;
}

/** What sections took from a default that allowed, they say themselves where it denies now. */
function withTools(ruling: JsonObject, policy: Policy, tools: ReadonlyMap<string, Json>): JsonObject {
  const file: Entry = { ...ruling };
  if (policy.default === 'allow') {
    file.default = 'deny';
    for (const name of ['resources', 'prompts', 'methods'] as const) {
      const section = isObject(ruling[name]) ? ruling[name] : null;
      if (section === null && name !== 'methods') continue;
      if (section === null || policy.sections[name]?.default === null) file[name] = { ...section, default: 'allow' };
    }
  }
  file.tools = Object.fromEntries(tools);
  return file;
}
