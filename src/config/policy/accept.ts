import { isMap, isScalar, type Node, type Pair, parseDocument } from 'yaml';
import { changesOf } from '../../domain/tool/drift.ts';
import type { Tool } from '../../domain/tool/tool.ts';
import { formatOf } from '../document/document.ts';
import { seenText } from './draft.ts';
import { parsePolicy } from './file.ts';
import { seenNow } from './seen.ts';

/** A policy's text after tools were accepted as they look now, and the names of those tools. */
export interface AcceptedPolicy {
  readonly text: string;
  readonly tools: readonly string[];
}

/**
 * A policy's text with `seen` updated to how its tools look now; null when nothing changes, or the file has faults. In
 * YAML every other character stays. Tools without a rule of their own get none: a person must decide what they may do.
 */
export function withSeen(
  file: { readonly path: string; readonly text: string },
  tools: readonly Tool[],
): AcceptedPolicy | null {
  const parsed = parsePolicy(file.text, { path: file.path });
  if (!parsed.ok) return null;
  const changed = tools.filter((tool) => {
    const rule = parsed.policy.exact.get(tool.name);
    return rule !== undefined && (rule.seen === null || changesOf(rule.seen, seenNow(tool)).length > 0);
  });
  const accepted = formatOf(file.path) === 'json' ? inJson(file.text, changed) : inYaml(file.text, changed);
  return accepted.tools.length === 0 ? null : accepted;
}

function inJson(text: string, changed: readonly Tool[]): AcceptedPolicy {
  const file = JSON.parse(text) as { tools: Record<string, Record<string, unknown>> };
  const accepted = changed.filter((tool) => file.tools[tool.name]?.rules === undefined);
  for (const tool of accepted) file.tools[tool.name] = { ...file.tools[tool.name], seen: seenNow(tool) };
  return { text: `${JSON.stringify(file, null, 2)}\n`, tools: accepted.map((tool) => tool.name) };
}

interface TextEdit {
  readonly start: number;
  readonly end: number;
  readonly put: string;
}

function inYaml(text: string, changed: readonly Tool[]): AcceptedPolicy {
  const rules = parseDocument(text).get('tools');
  const edits: TextEdit[] = [];
  const accepted: string[] = [];
  for (const tool of changed) {
    const pair = isMap(rules)
      ? (rules.items as Pair<Node, Node | null>[]).find((rule) => keyOf(rule) === tool.name)
      : undefined;
    const edit = pair === undefined ? null : editOf(text, pair, `seen: ${seenText(seenNow(tool))}`);
    if (edit === null) continue;
    edits.push(edit);
    accepted.push(tool.name);
  }
  // From the end to the beginning, so that offsets stay valid.
  edits.sort((a, b) => b.start - a.start);
  const edited = edits.reduce((now, { start, end, put }) => now.slice(0, start) + put + now.slice(end), text);
  return { text: edited, tools: accepted };
}

/** Null where the rule is in Intercept's form, or is elsewhere in the file behind an alias. */
function editOf(text: string, { key, value }: Pair<Node, Node | null>, seen: string): TextEdit | null {
  if (value === null || (isScalar(value) && value.value === null)) {
    const colon = text.indexOf(':', key.range?.[1] ?? 0) + 1;
    return { start: colon, end: colon, put: ` { ${seen} }` };
  }
  if (!isMap(value) || value.has('rules') || !value.range) return null;
  const items = value.items as Pair<Node, Node | null>[];
  const old = items.find((item) => keyOf(item) === 'seen');
  if (old?.key.range && old.value?.range) return { start: old.key.range[0], end: old.value.range[1], put: seen };
  const first = items[0]?.key.range?.[0];
  if (first === undefined) return { start: value.range[0], end: value.range[1], put: `{ ${seen} }` };
  const indent = ' '.repeat(first - text.lastIndexOf('\n', first) - 1);
  return { start: first, end: first, put: value.flow ? `${seen}, ` : `${seen}\n${indent}` };
}

function keyOf(pair: Pair<Node, Node | null>): string | null {
  return isScalar(pair.key) ? String(pair.key.value) : null;
}
