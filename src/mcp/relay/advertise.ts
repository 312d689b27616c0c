import { REASON_ARGUMENT } from '../../domain/call/stated-reason.ts';
import { isObject, type Json, member } from '../../domain/json/json.ts';
import { mayAskNow, type Policy } from '../../domain/policy/policy.ts';
import { mayAskOf, mayOfferReason, offersReason } from '../../domain/policy/rule.ts';
import { hasRoomForReason, REASON_SCHEMA } from '../../domain/tool/reason-argument.ts';
import { type Replacement, withMember, withReplacements } from '../json/edit.ts';
import { elementsAt, spanOf } from '../json/text.ts';
import { TASKS_2025, TASKS_EXTENSION } from '../protocol/envelope.ts';
import type { MessageEdit } from './tap-events.ts';

/**
 * What has to be added to a server's answer so that agents know they may wait with tasks: in 2025-11-25 the capability,
 * and `taskSupport` of gated tools; in 2026-07-28 the extension. And where policy says so, the argument in which they say
 * why they call. Null where policy never asks about any tool; then the answer stays as it is.
 */
export function advertisement(policy: Policy | null, method: string, protocolVersion: string): MessageEdit | null {
  if (policy === null || !mayAskNow(policy)) return null;
  if (method === 'tools/list') return listEdit(policy, protocolVersion);
  if (method === 'initialize') return { text: addTaskCapability };
  if (method === 'server/discover') return { text: addExtension };
  return null;
}

/** Null: no entry of the list changes. */
function listEdit(policy: Policy, protocolVersion: string): MessageEdit | null {
  const marks = protocolVersion === TASKS_2025;
  const offers = mayOfferReason(policy);
  if (!marks && !offers) return null;
  const edited: EditTool = (entry, tool, name) => {
    const marked = marks && mayAskOf(policy, name) ? withTaskSupport(entry, tool) : entry;
    return offers && offersReason(policy, name) ? withReasonArgument(marked, tool) : marked;
  };
  return {
    text: (text) => editTools(text, edited),
    entry: (list, text, entry) => (list === 'tools' ? editTool(text, entry, edited) : undefined),
  };
}

/** The text of a tool's entry as it is told. */
type EditTool = (entry: string, tool: Json, name: string) => string;

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

/** Edits each tool of a list. Null: none changes. */
function editTools(text: string, edit: EditTool): string | null {
  const tools = member(resultOf(text), 'tools');
  if (!Array.isArray(tools)) return null;
  const list = spanOf(text, ['result', 'tools']);
  if (list === null) return null;
  const edits: Replacement[] = [];
  let index = 0;
  // Each entry is edited by itself, so that a list of thousands of tools is read once.
  for (const { start, end } of elementsAt(text, list.start)) {
    const edited = editTool(text.slice(start, end), tools[index++] as Json, edit);
    if (edited !== undefined) edits.push({ start, end, text: edited });
  }
  return edits.length === 0 ? null : withReplacements(text, edits);
}

/** Undefined: the entry stays as it is. */
function editTool(entry: string, tool: Json, edit: EditTool): string | undefined {
  const name = member(tool, 'name');
  const edited = typeof name === 'string' ? edit(entry, tool, name) : entry;
  return edited === entry ? undefined : edited;
}

/** Marks a gated tool as callable with a task. What the server states stays, unless it forbids tasks. */
function withTaskSupport(entry: string, tool: Json): string {
  const execution = member(tool, 'execution');
  const support = member(execution, 'taskSupport');
  if (support === 'optional' || support === 'required') return entry;
  return isObject(execution)
    ? withMember(entry, ['execution', 'taskSupport'], '"optional"')
    : withMember(entry, ['execution'], '{"taskSupport":"optional"}');
}

/** Adds the argument in which the agent says why it calls, where the tool's own schema has room for it. */
function withReasonArgument(entry: string, tool: Json): string {
  const schema = member(tool, 'inputSchema');
  if (schema === undefined || !hasRoomForReason(schema)) return entry;
  const path = ['inputSchema', 'properties'];
  const roomy = member(schema, 'properties') === undefined ? withMember(entry, path, '{}') : entry;
  return withMember(roomy, [...path, REASON_ARGUMENT], JSON.stringify(REASON_SCHEMA));
}

function resultOf(text: string): Json | undefined {
  try {
    return member(JSON.parse(text) as Json, 'result');
  } catch {
    return undefined;
  }
}
