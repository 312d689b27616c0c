import { isMap, parseDocument } from 'yaml';
import { changesOf } from '../domain/drift.ts';
import type { Tool } from '../domain/tool.ts';
import { formatOf } from './document.ts';
import { parsePolicy } from './policy-file.ts';
import { seenNow } from './seen.ts';

/**
 * A policy's text with `seen` of its tools as they look now, and whose it changed; null when nothing does, or the file
 * is no good. Comments and everything else stay. Tools without a rule of their own get none: a person has to say what
 * they may do.
 */
export function withSeen(
  file: { readonly path: string; readonly text: string },
  tools: readonly Tool[],
): { readonly text: string; readonly tools: readonly string[] } | null {
  const parsed = parsePolicy(file.text, { path: file.path });
  if (!parsed.ok) return null;
  const document = parseDocument(file.text);
  const changed: string[] = [];
  for (const tool of tools) {
    const rule = parsed.policy.exact.get(tool.name);
    const now = seenNow(tool);
    if (rule === undefined || (rule.seen !== null && changesOf(rule.seen, now).length === 0)) continue;
    const entry = document.getIn(['tools', tool.name], true);
    // Rules in Intercept's form have no such record; an empty entry becomes a map that holds only this.
    if (isMap(entry) && entry.has('rules')) continue;
    const record = document.createNode(now, { flow: true });
    if (isMap(entry)) entry.set('seen', record);
    else document.setIn(['tools', tool.name], document.createNode({ seen: now }));
    changed.push(tool.name);
  }
  if (changed.length === 0) return null;
  const json = formatOf(file.path) === 'json';
  return {
    text: json ? `${JSON.stringify(document.toJS(), null, 2)}\n` : document.toString({ lineWidth: 0 }),
    tools: changed,
  };
}
