import { isAbsolute, join } from 'node:path';
import { parseEnv } from 'node:util';
import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import { type FillingPlace, type NeededValue, TextFiller } from './filled-text.ts';
import { holdsSecret, secretOfWord } from './looks-secret.ts';

/** A server as `holdfast.yaml` has it, without its policy. Secrets in it are `${NAME}`. */
export type TakenEntry =
  | {
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly cwd: string | null;
    }
  | { readonly url: string; readonly headers: Readonly<Record<string, string>> };

export type TakenServer =
  | {
      readonly kind: 'taken';
      readonly entry: TakenEntry;
      /** By variable. */
      readonly secrets: ReadonlyMap<string, string>;
      /** Variables that the gateway reads from its environment at each start. */
      readonly environment: readonly string[];
      /** Files whose texts are among its secrets. */
      readonly files: readonly string[];
    }
  /** It stays as it is in the client's file. */
  | { readonly kind: 'left'; readonly why: string }
  | { readonly kind: 'needs'; readonly needs: readonly NeededValue[] }
  /** It is Holdfast already. */
  | { readonly kind: 'holdfast' };

export interface TakingPlace extends FillingPlace {
  /** Variables of the secrets of other servers. */
  readonly taken: ReadonlySet<string>;
  /** Addresses of the gateway itself, such as `http://127.0.0.1:8787`. */
  readonly own: readonly string[];
}

const HTTP_TYPES = new Set(['http', 'streamable-http', 'streamable_http', 'streamablehttp']);
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\u0009\u0020-\u007e\u0080-\u00ff]*$/;

/** Takes a server over from a client's file. `name`: as Holdfast calls it. */
export function takeServer(name: string, value: Json, place: TakingPlace): TakenServer {
  if (!isObject(value)) return left('is not an object');
  if (isHoldfast(value, place.own)) return { kind: 'holdfast' };
  if (value.disabled === true || value.enabled === false) return left(`is switched off in ${place.form.title}`);
  const type = String(value.type ?? value.transport ?? '').toLowerCase();
  const address = value.url ?? value.serverUrl ?? value.httpUrl;
  if (type === 'sse') {
    return left(
      'speaks SSE, the transport before streamable HTTP, which Holdfast does not. Many servers have both: try its /mcp',
    );
  }
  if (type !== '' && type !== 'stdio' && !HTTP_TYPES.has(type))
    return left(`has the type ${type}, which Holdfast does not know`);
  if (address !== undefined && value.command !== undefined) return left('has both a command and a URL');
  const own = new Set(isObject(value.env) ? Object.keys(value.env) : []);
  const filler = new TextFiller(name, place.taken, place, own);
  const entry =
    typeof value.command === 'string' && value.command.trim() !== ''
      ? commandOf(value.command, value, place, filler)
      : typeof address === 'string'
        ? addressOf(address, value, filler)
        : null;
  if (entry === null) return left('has neither a command nor a URL');
  if (filler.fault !== null) return left(filler.fault);
  if (filler.needs.length > 0) return { kind: 'needs', needs: filler.needs };
  return {
    kind: 'taken',
    entry,
    secrets: filler.secrets,
    environment: [...filler.environment],
    files: [...filler.files],
  };
}

const left = (why: string): TakenServer => ({ kind: 'left', why });

function commandOf(command: string, value: JsonObject, place: TakingPlace, filler: TextFiller): TakenEntry {
  const given = value.args ?? [];
  if (!Array.isArray(given) || !given.every(isSingle)) filler.refuse('has args that are no list of texts');
  const words = Array.isArray(given) ? given.map(String) : [];
  // Some clients let a shell take the command apart.
  const isLine = words.length === 0 && /\s/.test(command.trim()) && !place.isFile(command);
  const [program = '', ...before] = isLine ? wordsOfLine(command) : [command];
  const args = [...before, ...words].map((word, at, all) => {
    return filler.text(word, secretOfWord(word, all[at - 1]), `args[${at}]`);
  });
  const env = { ...envFileOf(value, place, filler), ...variablesOf(value, filler) };
  return { command: filler.text(program, null, 'command'), args, env, cwd: folderOf(value, place, filler) };
}

/** Every variable of a server counts as secret. */
function variablesOf(value: JsonObject, filler: TextFiller): Record<string, string> {
  const env: Record<string, string> = Object.create(null);
  const given = value.env ?? {};
  if (!isObject(given)) filler.refuse('has an env that is not an object');
  for (const [name, text] of Object.entries(isObject(given) ? given : {})) {
    if (text === null) continue;
    if (!isSingle(text)) filler.refuse(`has env.${name} that is no text`);
    else if (name === '' || /[=\0]/.test(name)) filler.refuse('has a variable in env whose name is none');
    else env[name] = filler.text(String(text), name, `env.${name}`);
  }
  return env;
}

function envFileOf(value: JsonObject, place: TakingPlace, filler: TextFiller): Record<string, string> {
  const env: Record<string, string> = Object.create(null);
  if (value.envFile === undefined) return env;
  if (typeof value.envFile !== 'string') {
    filler.refuse('has an envFile that is no text');
    return env;
  }
  const path = absolute(filler.plain(value.envFile, 'envFile'), place);
  const text = place.readText(path);
  filler.files.add(path);
  if (text === null) {
    filler.refuse(`has the envFile ${path}, which cannot be read`);
    return env;
  }
  for (const [name, each] of Object.entries(parseEnv(text))) {
    env[name] = filler.asItIs(each ?? '', name, `envFile ${name}`);
  }
  return env;
}

function folderOf(value: JsonObject, place: TakingPlace, filler: TextFiller): string | null {
  if (value.cwd === undefined || value.cwd === null) return place.project;
  if (typeof value.cwd === 'string') return absolute(filler.plain(value.cwd, 'cwd'), place);
  filler.refuse('has a cwd that is no text');
  return null;
}

function absolute(path: string, { project, home }: TakingPlace): string {
  const own = path.startsWith('~/') ? join(home, path.slice(2)) : path;
  return isAbsolute(own) ? own : join(project ?? home, own);
}

function addressOf(address: string, value: JsonObject, filler: TextFiller): TakenEntry {
  const plain = filler.plain(address, 'url');
  if (filler.needs.length === 0 && filler.fault === null) checkAddress(plain, filler);
  const headers: Record<string, string> = Object.create(null);
  const given = value.headers ?? {};
  if (!isObject(given)) filler.refuse('has headers that are no object');
  const seen = new Set<string>();
  for (const [name, text] of Object.entries(isObject(given) ? given : {})) {
    if (!HEADER_NAME.test(name))
      filler.refuse(`has a header ${JSON.stringify(name.slice(0, 60))}, which is no name of one`);
    else if (seen.has(name.toLowerCase())) filler.refuse(`has the header ${name} twice`);
    else if (!isSingle(text)) filler.refuse(`has headers.${name} that is no text`);
    else if (!HEADER_VALUE.test(String(text)))
      filler.refuse(`has headers.${name} with characters that no header can carry`);
    else headers[name] = filler.text(String(text), name, `headers.${name}`);
    seen.add(name.toLowerCase());
  }
  return { url: filler.text(address, holdsSecret(plain) ? 'URL' : null, 'url'), headers };
}

function checkAddress(text: string, filler: TextFiller): void {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) filler.refuse('has a URL that is not http or https');
  else if (url.username !== '' || url.password !== '') {
    filler.refuse('has a name or a password in its URL. Put them into its headers, as Authorization');
  }
}

/** Whether it leads to Holdfast: to its address, or with a token of its grants. */
function isHoldfast(value: JsonObject, own: readonly string[]): boolean {
  const lists = [value.url, value.serverUrl, value.httpUrl, ...(Array.isArray(value.args) ? value.args : [])];
  const credentials = [value.headers, value.env].flatMap((each) => (isObject(each) ? Object.values(each) : []));
  const texts = [...lists, ...credentials].filter((each): each is string => typeof each === 'string');
  if (texts.some((text) => /(?:^|[\s:])hf_[\w-]{43}$/.test(text))) return true;
  return texts.some((text) => own.some((address) => text.startsWith(`${address}/mcp/`)));
}

function isSingle(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

/** Words of a line as a shell takes them apart, with quotes and without anything else of a shell. */
export function wordsOfLine(line: string): string[] {
  const words = line.match(/(?:[^\s"']|"(?:\\.|[^"\\])*"|'[^']*')+/g) ?? [];
  return words.map((word) =>
    word.replace(/"((?:\\.|[^"\\])*)"|'([^']*)'/g, (_, double: string | undefined, single: string | undefined) =>
      double === undefined ? (single ?? '') : double.replace(/\\(["\\$`])/g, '$1'),
    ),
  );
}

/** Whether two entries mean the same server. */
export function isSameEntry(a: unknown, b: TakenEntry): boolean {
  const own = member(a, 'policy') === undefined ? a : { ...(a as JsonObject), policy: undefined };
  return JSON.stringify(sorted(own)) === JSON.stringify(sorted(b));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(sorted);
  if (!isObject(value)) return value ?? undefined;
  const entries = Object.entries(value).flatMap(([name, each]) => {
    const kept = sorted(each);
    return kept === undefined ? [] : [[name, kept] as const];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries.sort(([x], [y]) => (x < y ? -1 : 1)));
}
