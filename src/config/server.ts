import { isAbsolute, join } from 'node:path';
import { secretName } from '../domain/json/secret-name.ts';
import type { ServerConfig } from './config.ts';
import { ServerShape } from './config-schema.ts';
import { sandboxOf } from './confinement.ts';
import { type Key, pathText } from './document/fault.ts';
import { checkShape, entriesOf, type FaultList, isNow, textsOf } from './document/shape.ts';
import { inEnvironment } from './environment.ts';
import { interpolate, type NameSource } from './interpolate.ts';
import { fileVariable } from './secret-from.ts';

/** What reading a server's entry depends on, besides the entry itself. */
export interface ServerContext {
  /** null: `${NAME}` is left as it is. */
  readonly names: NameSource | null;
  /** The config file's folder. */
  readonly folder: string;
  readonly faults: FaultList;
}

export function serversOf(value: unknown, context: ServerContext): Map<string, ServerConfig> {
  const servers = new Map<string, ServerConfig>();
  for (const [name, entry] of entriesOf(
    value,
    ['servers'],
    'a map from server name to url or command',
    context.faults,
  )) {
    const at = ['servers', name];
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name)) {
      context.faults.addKey(at, 'cannot be part of a URL', 'a name of letters, digits, _ and -');
    }
    const server = serverOf(name, entry, at, context);
    if (server !== null) servers.set(name, server);
  }
  return servers;
}

function serverOf(name: string, entry: unknown, at: readonly Key[], context: ServerContext): ServerConfig | null {
  const shape = checkShape(ServerShape, entry, at, context.faults);
  if (shape === null) return null;
  const { faults } = context;
  if ((shape.url === undefined) === (shape.command === undefined)) {
    faults.add(at, shape.url === undefined ? 'has neither url nor command' : 'has both url and command', 'one of them');
    return null;
  }
  const meaningless =
    shape.url === undefined
      ? (['headers', 'not_run'] as const)
      : (['args', 'env', 'cwd', 'run_as', 'sandbox'] as const);
  for (const key of meaningless) {
    if (shape[key] !== undefined)
      faults.addKey([...at, key], `has no meaning with ${shape.url ? 'url' : 'command'}`, 'no such key');
  }
  const upstream = shape.url === undefined ? stdioOf(shape, at, context) : httpOf(shape.url, shape, at, context);
  if (upstream === null) return null;
  const { environment, account, mode } = shape;
  const labels = { ...(environment !== undefined && { environment }), ...(account !== undefined && { account }) };
  const watched = mode === 'watch' ? { mode } : {};
  return { name, upstream, policyPath: inFolder(context.folder, shape.policy), ...watched, ...labels };
}

function httpOf(
  text: string,
  shape: ServerShape,
  at: readonly Key[],
  context: ServerContext,
): ServerConfig['upstream'] | null {
  const { names, faults } = context;
  const url = interpolate(text, names, [...at, 'url'], faults);
  if (names !== null && !isHttpUrl(url)) {
    faults.add([...at, 'url'], isNow(text), 'an http or https URL without a name and password in it');
    return null;
  }
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(textsOf(shape.headers, [...at, 'headers'], faults))) {
    const place = [...at, 'headers', name];
    const filled = interpolate(value, names, place, faults);
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name))
      faults.addKey(place, 'is not a header name', 'an HTTP header name');
    // A line break or another control would end or split the header.
    if (/[\u0000-\u0008\u000a-\u001f\u007f]|[^\u0000-\u00ff]/.test(filled)) {
      faults.add(place, 'contains a character that a header cannot contain', 'printable text');
    }
    if (Object.hasOwn(headers, name.toLowerCase())) faults.addKey(place, 'is given twice', 'each header once');
    headers[name.toLowerCase()] = filled;
  }
  return { kind: 'http', url, headers, ...(shape.not_run && { notRun: shape.not_run }) };
}

function stdioOf(shape: ServerShape, at: readonly Key[], context: ServerContext): ServerConfig['upstream'] {
  const { names, faults, folder } = context;
  const fill = (text: string, place: readonly Key[]): string => interpolate(text, names, [...at, ...place], faults);
  const { args = [] } = shape;
  const given = shape.command ?? [];
  const own =
    typeof given === 'string' ? [fill(given, ['command'])] : given.map((word, n) => fill(word, ['command', n]));
  const [program = '', ...rest] = [...own, ...args.map((word, n) => fill(word, ['args', n]))];
  warnOfOpenWords([given, args].flat(), at, names);
  if (typeof given === 'string' && shape.args === undefined && /\s/.test(given.trim())) {
    faults.add(
      [...at, 'command'],
      'contains blanks, and no shell splits it',
      'the program, and its arguments under args',
    );
  }
  if (program === '')
    faults.add(typeof given === 'string' ? [...at, 'command'] : [...at, 'command', 0], 'is empty', 'a program');
  const filled: Record<string, string> = Object.create(null);
  for (const [name, text] of Object.entries(textsOf(shape.env, [...at, 'env'], faults))) {
    filled[name] = fill(text, ['env', name]);
  }
  return {
    kind: 'stdio',
    command: [program, ...rest],
    env: filled,
    cwd: shape.cwd === undefined ? null : inFolder(folder, fill(shape.cwd, ['cwd'])),
    runAs: shape.run_as ?? null,
    sandbox: sandboxOf(shape.sandbox, [...at, 'sandbox'], faults, (path, place) => inFolder(folder, fill(path, place))),
  };
}

/** A command line can be read by every user of the machine, unlike an environment. */
function warnOfOpenWords(words: readonly string[], at: readonly Key[], names: NameSource | null): void {
  for (const [, name = ''] of words.join(' ').matchAll(/(?<!\$)\$\{(\w+)\}/g)) {
    const isSecret =
      secretName(name) !== null || (names !== null && inEnvironment(names.env, fileVariable(name)) !== null);
    if (!isSecret) continue;
    const message = `puts ${name} on a command line, which every user of this machine can read`;
    names?.warn(pathText([...at, 'command']), message, `${name} under env`);
  }
}

export function inFolder(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}

export function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.password === '';
}
