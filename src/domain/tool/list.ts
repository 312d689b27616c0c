import { isObject, type Json, type JsonObject, member } from '../json/json.ts';
import { RISKS, type Risk, SEVERITIES, type Severity } from './risk.ts';

/** What a reviewer needs to know about one tool of a server's list. */
export interface ListedTool {
  /** At most 128 characters; a tool with a longer name cannot be called. */
  readonly name: string;
  /** A guess from its name, description and schema, where no rule states it. */
  readonly risk: Risk;
  readonly severity: Severity;
  /** Digest over its words, schemas and hints: when it changes, the tool has changed. */
  readonly look: string;
  /** Its schema leaves no room for the agent's reason; absent: it does. */
  readonly noRoom?: true;
}

/** The tools that a server last listed, as an event of the log holds them. */
export interface ToolList {
  readonly tools: readonly ListedTool[];
  /** How many the server listed; `tools` may hold fewer. */
  readonly count: number;
  /** Over all of them. */
  readonly digest: string;
  /** `noRoom` of its tools says something: it was written by a release that judges it. */
  readonly judgedRoom: boolean;
}

/** How two lists of one server differ, by names of tools. */
export interface ToolListChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

export function changeOf(was: ToolList | null, is: ToolList): ToolListChange {
  const before = looksByName(was?.tools ?? []);
  const after = looksByName(is.tools);
  const names = [...after.keys()];
  return {
    added: was === null ? [] : names.filter((name) => !before.has(name)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
    changed: names.filter((name) => before.has(name) && before.get(name) !== after.get(name)),
  };
}

/** How each tool looks; of one that is listed more than once, all its looks. */
function looksByName(tools: readonly ListedTool[]): ReadonlyMap<string, string> {
  const looks = new Map<string, string>();
  for (const { name, look } of tools) {
    const known = looks.get(name);
    looks.set(name, known === undefined ? look : `${known} ${look}`);
  }
  return looks;
}

/** The data of a `tools.listed` event. */
export function toolListData(list: ToolList, change: ToolListChange): JsonObject {
  const { tools, count, digest, judgedRoom } = list;
  return { tools: tools.map((tool) => ({ ...tool })), count, digest, judgedRoom, ...change };
}

/** Reads back the data of a `tools.listed` event; null when it has another form. */
export function toolListOf(data: Json): ToolList | null {
  const [tools, digest, count] = [member(data, 'tools'), member(data, 'digest'), member(data, 'count')];
  if (!Array.isArray(tools) || typeof digest !== 'string' || typeof count !== 'number') return null;
  const judgedRoom = member(data, 'judgedRoom') === true;
  return { tools: (tools as readonly Json[]).flatMap((tool) => listedTool(tool) ?? []), count, digest, judgedRoom };
}

function listedTool(tool: Json): ListedTool | null {
  if (!isObject(tool)) return null;
  const [name, look] = [member(tool, 'name'), member(tool, 'look')];
  const risk = RISKS.find((known) => known === member(tool, 'risk'));
  const severity = SEVERITIES.find((known) => known === member(tool, 'severity'));
  if (typeof name !== 'string' || typeof look !== 'string' || risk === undefined || severity === undefined) return null;
  return { name, risk, severity, look, ...(member(tool, 'noRoom') === true ? { noRoom: true } : {}) };
}
