import { isObject, type Json, member } from '../../domain/json/json.ts';
import { mayAskNow, type Policy } from '../../domain/policy/policy.ts';
import { mayAskOf } from '../../domain/policy/rule.ts';
import { type Replacement, withMember, withReplacements } from '../json/edit.ts';
import { elementsAt, spanOf } from '../json/text.ts';
import { TASKS_2025, TASKS_EXTENSION } from '../protocol/envelope.ts';
import type { MessageEdit } from './tap-events.ts';

/**
 * What has to be added to a server's answer so that agents know they may wait with tasks: in 2025-11-25 the capability,
 * and `taskSupport` of gated tools; in 2026-07-28 the extension. Null where policy never asks about any tool; then the
 * answer stays as it is.
 */
export function advertisement(policy: Policy | null, method: string, protocolVersion: string): MessageEdit | null {
  if (policy === null || !mayAskNow(policy)) return null;
  if (method === 'initialize') return { text: addTaskCapability };
  if (method === 'server/discover') return { text: addExtension };
  if (method !== 'tools/list' || protocolVersion !== TASKS_2025) return null;
  const gated = (tool: string): boolean => mayAskOf(policy, tool);
  return {
    text: (text) => markTools(text, gated),
    entry: (list, text, entry) => (list === 'tools' ? markTool(text, entry, gated) : undefined),
  };
}

const CAPABILITIES = ['result', 'capabilities'];

function addTaskCapability(text: string): string | null {
  const result = resultOf(text);
  if (member(result, 'protocolVersion') !== TASKS_2025) return null;
  return addMissing(text, CAPABILITIES, [
    ['tasks', '{}'],
    ['tasks', 'list', '{}'],
    ['tasks', 'cancel', '{}'],
    ['tasks', 'requests', '{}'],
    ['tasks', 'requests', 'tools', '{}'],
    ['tasks', 'requests', 'tools', 'call', '{}'],
  ]);
}

function addExtension(text: string): string | null {
  if (!isObject(member(resultOf(text), 'capabilities'))) return null;
  return addMissing(text, CAPABILITIES, [
    ['extensions', '{}'],
    ['extensions', TASKS_EXTENSION, '{}'],
  ]);
}

/** Adds each member that is missing. An entry of `members` is a path below `at`, followed by the JSON text to add. */
function addMissing(text: string, at: readonly string[], members: readonly (readonly string[])[]): string | null {
  let edited = text;
  for (const entry of members) {
    const path = [...at, ...entry.slice(0, -1)];
    let existing: Json | undefined = JSON.parse(edited) as Json;
    for (const step of path) existing = member(existing, step);
    if (!isObject(existing)) edited = withMember(edited, path, entry.at(-1) ?? '{}');
  }
  return edited === text ? null : edited;
}

/** Marks gated tools as callable with a task. What the server states stays, unless it forbids tasks. */
function markTools(text: string, gated: (tool: string) => boolean): string | null {
  const tools = member(resultOf(text), 'tools');
  if (!Array.isArray(tools)) return null;
  const list = spanOf(text, ['result', 'tools']);
  if (list === null) return null;
  const marks: Replacement[] = [];
  let index = 0;
  // Each entry is edited by itself, so that a list of thousands of tools is read once.
  for (const { start, end } of elementsAt(text, list.start)) {
    const tool = tools[index++] as Json;
    const name = member(tool, 'name');
    if (typeof name === 'string' && gated(name))
      marks.push({ start, end, text: withTaskSupport(text.slice(start, end), tool) });
  }
  const edited = withReplacements(text, marks);
  return edited === text ? null : edited;
}

function markTool(entry: string, tool: Json, gated: (tool: string) => boolean): string | undefined {
  const name = member(tool, 'name');
  if (typeof name !== 'string' || !gated(name)) return undefined;
  const edited = withTaskSupport(entry, tool);
  return edited === entry ? undefined : edited;
}

function withTaskSupport(entry: string, tool: Json): string {
  const execution = member(tool, 'execution');
  const support = member(execution, 'taskSupport');
  if (support === 'optional' || support === 'required') return entry;
  return isObject(execution)
    ? withMember(entry, ['execution', 'taskSupport'], '"optional"')
    : withMember(entry, ['execution'], '{"taskSupport":"optional"}');
}

function resultOf(text: string): Json | undefined {
  try {
    return member(JSON.parse(text) as Json, 'result');
  } catch {
    return undefined;
  }
}
