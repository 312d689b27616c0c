import { isObject, type Json, member } from '../../domain/json/json.ts';
import { mayAsk, type Policy } from '../../domain/policy/policy.ts';
import { mayAskOf } from '../../domain/policy/rule.ts';
import { type Replacement, replaced, withMember } from '../json/edit.ts';
import { elementsAt, spanOf } from '../json/text.ts';
import { TASKS_2025, TASKS_EXTENSION } from '../protocol/envelope.ts';
import type { MessageEdit } from './tap-events.ts';

/**
 * What a server's answer must say besides, so that agents may wait by tasks: in 2025-11-25 the capability, and gated
 * tools that take tasks; in 2026-07-28 the extension. Only where policy may ask about anything; nothing else changes.
 */
export function advertisement(policy: Policy | null, method: string, protocolVersion: string): MessageEdit | null {
  if (policy === null || !mayAsk(policy)) return null;
  if (method === 'initialize') return addTaskCapability;
  if (method === 'server/discover') return addExtension;
  if (method !== 'tools/list' || protocolVersion !== TASKS_2025) return null;
  return (text) => markTools(text, (tool) => mayAskOf(policy, tool));
}

const CAPABILITIES = ['result', 'capabilities'];

function addTaskCapability(text: string): string | null {
  const result = resultOf(text);
  if (member(result, 'protocolVersion') !== TASKS_2025) return null;
  return ensure(text, CAPABILITIES, [
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
  return ensure(text, CAPABILITIES, [
    ['extensions', '{}'],
    ['extensions', TASKS_EXTENSION, '{}'],
  ]);
}

/** Adds each member that is missing; the last word of each is what to put there. */
function ensure(text: string, at: readonly string[], members: readonly (readonly string[])[]): string | null {
  let edited = text;
  for (const words of members) {
    const path = [...at, ...words.slice(0, -1)];
    let there: Json | undefined = JSON.parse(edited) as Json;
    for (const step of path) there = member(there, step);
    if (!isObject(there)) edited = withMember(edited, path, words.at(-1) ?? '{}');
  }
  return edited === text ? null : edited;
}

/** A gated tool may be called as a task; what the server says of it otherwise stays, unless it forbids that. */
function markTools(text: string, gated: (tool: string) => boolean): string | null {
  const tools = member(resultOf(text), 'tools');
  if (!Array.isArray(tools)) return null;
  const list = spanOf(text, ['result', 'tools']);
  if (list === null) return null;
  const marks: Replacement[] = [];
  let index = 0;
  // Each entry by itself: a list of thousands is gone through once.
  for (const { start, end } of elementsAt(text, list.start)) {
    const tool = tools[index++] as Json;
    const name = member(tool, 'name');
    if (typeof name === 'string' && gated(name)) marks.push({ start, end, put: marked(text.slice(start, end), tool) });
  }
  const edited = replaced(text, marks);
  return edited === text ? null : edited;
}

function marked(entry: string, tool: Json): string {
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
