import { isObject, type Json, type JsonObject, member } from './json.ts';
import { RISKS, type Risk, SEVERITIES, type Severity } from './policy.ts';

/** A tool of a server's own list, as far as a reviewer needs it. */
export interface ListedTool {
  /** At most 128 characters; a longer one cannot be called. */
  readonly name: string;
  /** A first guess by its name, words and shape, where no rule says it. */
  readonly risk: Risk;
  readonly severity: Severity;
  /** Over its words, shape and hints: another one, another tool. */
  readonly look: string;
}

/** What a server last said its tools are; as an event of the log has it. */
export interface ToolList {
  readonly tools: readonly ListedTool[];
  /** How many there were; more than are kept, when a list has no end. */
  readonly count: number;
  /** Over all of them. */
  readonly digest: string;
}

/** What differs between two lists of one server, by name. */
export interface ToolListChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

export function changeOf(was: ToolList | null, is: ToolList): ToolListChange {
  const before = new Map((was?.tools ?? []).map((tool) => [tool.name, tool.look]));
  const after = new Map(is.tools.map((tool) => [tool.name, tool.look]));
  const names = [...after.keys()];
  return {
    added: was === null ? [] : names.filter((name) => !before.has(name)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
    changed: names.filter((name) => before.has(name) && before.get(name) !== after.get(name)),
  };
}

/** The data of a `tools.listed` event. */
export function toolListData(list: ToolList, change: ToolListChange): JsonObject {
  const { tools, count, digest } = list;
  return { tools: tools.map((tool) => ({ ...tool })), count, digest, ...change };
}

/** Reads it back; null where the event says something else. */
export function toolListOf(data: Json): ToolList | null {
  const [tools, digest, count] = [member(data, 'tools'), member(data, 'digest'), member(data, 'count')];
  if (!Array.isArray(tools) || typeof digest !== 'string' || typeof count !== 'number') return null;
  return { tools: (tools as readonly Json[]).flatMap((tool) => listedTool(tool) ?? []), count, digest };
}

function listedTool(tool: Json): ListedTool | null {
  if (!isObject(tool)) return null;
  const [name, look] = [member(tool, 'name'), member(tool, 'look')];
  const risk = RISKS.find((one) => one === member(tool, 'risk'));
  const severity = SEVERITIES.find((one) => one === member(tool, 'severity'));
  if (typeof name !== 'string' || typeof look !== 'string' || risk === undefined || severity === undefined) return null;
  return { name, risk, severity, look };
}
