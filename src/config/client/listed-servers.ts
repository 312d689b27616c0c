import { isObject, type JsonObject } from '../../domain/json/json.ts';
import type { ClientForm } from './clients.ts';
import type { JsonNode } from './json-text.ts';

/** One server of a client's file. */
export interface ListedServer {
  /** As the client calls it. */
  readonly name: string;
  readonly node: JsonNode;
  /** The project of `.claude.json` that it belongs to; null: none. */
  readonly project: string | null;
}

/** A question that VS Code asks for a value. */
export interface ClientInput {
  readonly id: string;
  readonly description: string | null;
  readonly standard: string | null;
  readonly password: boolean;
}

export type ListedServers =
  | {
      readonly ok: true;
      readonly servers: readonly ListedServer[];
      /** Projects of `.claude.json` with servers that were not asked for. */
      readonly otherProjects: readonly string[];
      readonly inputs: readonly ClientInput[];
    }
  | { readonly ok: false; readonly why: string };

/** The most servers that one file may have. */
const MOST_SERVERS = 200;

/** The servers of a client's file. `project`: the folder whose servers in `.claude.json` are meant. */
export function listedServers(root: JsonNode, form: ClientForm, project: string): ListedServers {
  if (root.members === undefined) return { ok: false, why: 'is not a JSON object' };
  const found: ListedServer[] = [];
  const otherProjects: string[] = [];
  const own = memberNode(root, form.serversIn);
  const faults = [takeFrom(own, form.serversIn, null, found)];
  for (const { name, node } of memberNode(root, 'projects')?.members ?? []) {
    const servers = memberNode(node, 'mcpServers');
    if (form.name !== 'claude-code' || !servers?.members?.length) continue;
    if (name === project) faults.push(takeFrom(servers, `projects.${name}.mcpServers`, name, found));
    else otherProjects.push(name);
  }
  const fault = faults.find((each) => each !== null);
  if (fault) return { ok: false, why: fault };
  if (found.length > MOST_SERVERS) return { ok: false, why: `has more than ${MOST_SERVERS} servers` };
  return { ok: true, servers: found, otherProjects, inputs: inputsOf(root) };
}

function takeFrom(node: JsonNode | null, place: string, project: string | null, found: ListedServer[]): string | null {
  if (node === null) return null;
  if (node.members === undefined) return `has ${place} that is not an object`;
  found.push(...node.members.map((each) => ({ ...each, project })));
  return null;
}

function memberNode(node: JsonNode, name: string): JsonNode | null {
  return node.members?.find((each) => each.name === name)?.node ?? null;
}

function inputsOf(root: JsonNode): ClientInput[] {
  const inputs = memberNode(root, 'inputs')?.value;
  if (!Array.isArray(inputs)) return [];
  return inputs.flatMap((input: unknown) => {
    if (!isObject(input) || typeof (input as JsonObject).id !== 'string') return [];
    const { id, description, default: standard, password } = input as JsonObject;
    return [
      {
        id: id as string,
        description: typeof description === 'string' ? description : null,
        standard: typeof standard === 'string' ? standard : null,
        password: password === true,
      },
    ];
  });
}
