import type { Json, JsonObject } from '../../domain/json/json.ts';
import type { ClientForm } from './clients.ts';
import type { JsonNode } from './json-text.ts';

/** How a client reaches a server through Holdfast. */
export interface WayThrough {
  /** `http://127.0.0.1:8787/mcp/files`. */
  readonly url: string;
  readonly token: string;
}

/** The version of mcp-remote that is tried here; a later one is for people to choose. */
export const BRIDGE = 'mcp-remote@0.15.1';

/** What says how a server is reached. Anything else in an entry is the client's own, and stays. */
const OF_THE_TRANSPORT = new Set([
  ...['type', 'transport', 'command', 'args', 'env', 'envFile', 'cwd', 'url', 'serverUrl', 'httpUrl', 'headers'],
  ...['headersHelper', 'auth', 'oauth', 'sandbox', 'sandboxEnabled', 'dev'],
]);

/** The entry by which this client reaches the server through Holdfast. */
export function throughHoldfast({ remote }: Pick<ClientForm, 'remote'>, entry: Json, way: WayThrough): JsonObject {
  const own = Object.entries(entry ?? {}).filter(([name]) => !OF_THE_TRANSPORT.has(name));
  return Object.assign(Object.create(null), wayOf(remote, way), nullObject(own));
}

function nullObject(entries: readonly (readonly [string, Json])[]): JsonObject {
  const made: Record<string, Json> = Object.create(null);
  for (const [name, value] of entries) made[name] = value;
  return made;
}

function wayOf(remote: ClientForm['remote'], { url, token }: WayThrough): JsonObject {
  const headers = { Authorization: `Bearer ${token}` };
  switch (remote) {
    case 'type-http':
      return { type: 'http', url, headers };
    case 'url':
      return { url, headers };
    case 'server-url':
      return { serverUrl: url, headers };
    case 'bridge': {
      // The token is in the environment: a command line can be read by every user, and blanks in it are lost on the way.
      const args = ['-y', BRIDGE, url, '--header', 'Authorization:${AUTH_HEADER}'];
      const open = /^http:\/\/(?!(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])[:/])/.test(url) ? ['--allow-http'] : [];
      return { command: 'npx', args: [...args, ...open], env: { AUTH_HEADER: headers.Authorization } };
    }
    default:
      return remote satisfies never;
  }
}

/** A value that takes the place of another. */
export interface JsonReplacement {
  readonly node: JsonNode;
  readonly value: Json;
}

/** The text with these values in it; comments, order and blanks of everything else stay. */
export function withReplaced(text: string, replacements: readonly JsonReplacement[]): string {
  const unit = /\n([ \t]+)\S/.exec(text)?.[1] ?? '  ';
  const lineBreak = text.includes('\r\n') ? '\r\n' : '\n';
  let made = text;
  for (const { node, value } of [...replacements].sort((a, b) => b.node.start - a.node.start)) {
    const line = text.slice(text.lastIndexOf('\n', node.start - 1) + 1, node.start);
    const indent = /^[ \t]*/.exec(line)![0];
    const written = JSON.stringify(value, null, unit).replaceAll('\n', `${lineBreak}${indent}`);
    made = made.slice(0, node.start) + written + made.slice(node.end);
  }
  return made;
}

/** A whole file with these servers, for a client that has none yet. */
export function freshClientText(
  { serversIn }: Pick<ClientForm, 'serversIn'>,
  servers: readonly [string, Json][],
): string {
  return `${JSON.stringify({ [serversIn]: nullObject(servers) }, null, 2)}\n`;
}
