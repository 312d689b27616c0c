import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  CLIENT_FORMS,
  CLIENT_NAMES,
  type ClientForm,
  type ClientName,
  clientByFile,
  clientPlaces,
  projectOf,
} from '../../config/client/clients.ts';
import { type JsonNode, readJsonText } from '../../config/client/json-text.ts';
import { type ClientInput, type ListedServer, listedServers } from '../../config/client/listed-servers.ts';
import { wordsOfLine } from '../../config/client/take-server.ts';
import type { Json } from '../../domain/json/json.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { printed } from '../../text/printed.ts';
import { Misuse } from '../parse/misuse.ts';
import type { Asking } from './asking.ts';
import { textOf } from './files.ts';

/** The servers of one client, and where they come from. */
export interface ClientSource {
  readonly form: ClientForm;
  /** null: they were typed in. With links followed, because the file itself is replaced later. */
  readonly file: { readonly path: string; readonly text: string } | null;
  readonly project: string | null;
  readonly servers: readonly ListedServer[];
  readonly otherProjects: readonly string[];
  readonly inputs: readonly ClientInput[];
}

export interface SourceOptions {
  readonly from?: string;
  readonly client?: string;
}

/** The user's own folder. */
export function userHomeOf({ env, cwd }: Terminal): string {
  return env.HOME || env.USERPROFILE || cwd;
}

/** Finds the client's file, or has the servers typed in. Throws with what is wrong with a file. */
export async function clientSource(options: SourceOptions, terminal: Terminal, asking: Asking): Promise<ClientSource> {
  const path = options.from === undefined ? await chosen(terminal, asking) : namedPath(options.from, terminal);
  if (path === null) return typed(options, terminal.cwd, asking);
  return sourceAt(path, options.client as ClientName | undefined, terminal);
}

function placesHere(terminal: Terminal) {
  const { env, cwd } = terminal;
  return clientPlaces({ platform: process.platform, home: userHomeOf(terminal), appData: env.APPDATA ?? null, cwd });
}

function namedPath(from: string, terminal: Terminal): string {
  if (!(CLIENT_NAMES as readonly string[]).includes(from)) return resolve(terminal.cwd, from);
  const places = placesHere(terminal).filter(({ client }) => client === from);
  const found = places.find(({ path }) => textOf(path).kind !== 'missing');
  if (found !== undefined) return found.path;
  throw new Error(
    `${CLIENT_FORMS[from as ClientName].title} has no configuration file here: ${places.map(({ path }) => path).join(', ') || 'give its path'}`,
  );
}

/** null: the person wants to type a server in. */
async function chosen(terminal: Terminal, asking: Asking): Promise<string | null> {
  const found = placesHere(terminal).flatMap(({ client, path }) => {
    try {
      const { servers } = sourceAt(path, client, terminal);
      return servers.length === 0 ? [] : [{ title: CLIENT_FORMS[client].title, path, count: servers.length }];
    } catch {
      return [];
    }
  });
  if (found.length === 0) return null;
  terminal.out(printed`Clients with MCP servers on this machine:\n`);
  for (const [at, { title, path, count }] of found.entries()) {
    terminal.out(printed`  ${at + 1}  ${title}: ${path} (${count})\n`);
  }
  terminal.out(printed`  0  none of these: enter a server yourself\n`);
  for (;;) {
    const answer = await asking.line(printed`Which one? [1] `);
    if (answer === null) throw new Misuse('--yes takes no client by itself: give --from');
    const number = answer.trim() === '' ? 1 : Number(answer.trim());
    if (number === 0) return null;
    if (found[number - 1] !== undefined) return found[number - 1]!.path;
  }
}

function sourceAt(given: string, client: ClientName | undefined, terminal: Terminal): ClientSource {
  const read = textOf(given);
  if (read.kind !== 'read') throw new Error(`${given} ${read.kind === 'missing' ? 'does not exist' : read.why}`);
  const parsed = readJsonText(read.text);
  if (!parsed.ok) throw new Error(`${given}:${parsed.line}:${parsed.column}: ${parsed.why}. Nothing was changed.`);
  const path = realpathSync(given);
  const form = CLIENT_FORMS[client ?? clientByFile(given, parsed.root.value)];
  const listed = listedServers(parsed.root, form, terminal.cwd);
  if (!listed.ok) throw new Error(`${given} ${listed.why}. Nothing was changed.`);
  return { form, file: { path, text: read.text }, project: projectOf(given, userHomeOf(terminal)), ...listed };
}

/** A server that no client has yet. */
async function typed({ client }: SourceOptions, cwd: string, asking: Asking): Promise<ClientSource> {
  const line = await asking.line(
    printed`The command of your MCP server, or its URL (such as npx -y @modelcontextprotocol/server-filesystem ./files):\n> `,
  );
  if (line === null) throw new Misuse('--yes takes no server by itself: give --from');
  const words = wordsOfLine(line.trim());
  if (words.length === 0) throw new Misuse('no server was given');
  const value: Json = /^https?:\/\//.test(words[0]!)
    ? { url: words[0]! }
    : { command: words[0]!, args: words.slice(1) };
  const suggested = nameFor(words);
  const answer = await asking.line(printed`Its name [${suggested}]: `);
  const name = answer?.trim() || suggested;
  const form = CLIENT_FORMS[client === undefined ? await clientAsked(asking) : (client as ClientName)];
  const node: JsonNode = { start: 0, end: 0, value };
  return {
    form,
    file: null,
    project: cwd,
    servers: [{ name, node, project: null }],
    otherProjects: [],
    inputs: [],
  };
}

async function clientAsked(asking: Asking): Promise<ClientName> {
  for (;;) {
    const answer = (await asking.line(printed`For which client: ${CLIENT_NAMES.join(', ')}? [mcp] `))?.trim() || 'mcp';
    const found = CLIENT_NAMES.find((name) => name === answer);
    if (found !== undefined) return found;
  }
}

/** What files and folders of any program are called. */
const NAMELESS = new Set(['index', 'main', 'server', 'cli', 'dist', 'build', 'src', 'lib', 'bin', 'out', '.']);

/** `server-filesystem` of a package is `filesystem`. */
function nameFor(words: readonly string[]): string {
  if (URL.canParse(words[0]!)) return new URL(words[0]!).hostname.split('.').at(-2) ?? 'server';
  const runner = /^(?:npx|uvx|node|bunx|python3?|uv|deno|docker)(?:\.exe|\.cmd)?$/.test(
    words[0]!.split(/[\\/]/).at(-1)!,
  );
  const word = runner ? (words.slice(1).find((each) => !each.startsWith('-')) ?? words[0]!) : words[0]!;
  const parts = word.split(/[\\/]/).map((part) => part.replace(/@[\d.]+.*$/, '').replace(/\.(?:[cm]?[jt]s|py)$/, ''));
  const plain = parts.findLast((part) => part !== '' && !NAMELESS.has(part)) ?? 'server';
  return plain.replace(/^(?:mcp-)?server-|^mcp-|-mcp(?:-server)?$|-server$/g, '') || 'server';
}
