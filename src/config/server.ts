import { isAbsolute, join } from 'node:path';
import type { ServerConfig } from './config.ts';
import { ServerShape } from './config-schema.ts';
import type { Key } from './fault.ts';
import { type Environment, interpolate } from './interpolate.ts';
import { entriesOf, type FaultList, isNow, shaped, textsOf } from './shape.ts';

/** What a server's entry is read against. */
export interface Surroundings {
  /** null: names in `${}` are left as they are. */
  readonly env: Environment | null;
  /** The config file's folder. */
  readonly folder: string;
  readonly faults: FaultList;
}

export function serversOf(value: unknown, around: Surroundings): Map<string, ServerConfig> {
  const servers = new Map<string, ServerConfig>();
  for (const [name, entry] of entriesOf(
    value,
    ['servers'],
    'a map from server name to url or command',
    around.faults,
  )) {
    const at = ['servers', name];
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name)) {
      around.faults.addKey(at, 'cannot stand in a URL', 'a name of letters, digits, _ and -');
    }
    const server = serverOf(name, entry, at, around);
    if (server !== null) servers.set(name, server);
  }
  return servers;
}

function serverOf(name: string, entry: unknown, at: readonly Key[], around: Surroundings): ServerConfig | null {
  const shape = shaped(ServerShape, entry, at, around.faults);
  if (shape === null) return null;
  const { faults } = around;
  if ((shape.url === undefined) === (shape.command === undefined)) {
    faults.add(at, shape.url === undefined ? 'has neither url nor command' : 'has both url and command', 'one of them');
    return null;
  }
  const strangers = shape.url === undefined ? (['headers'] as const) : (['env', 'cwd'] as const);
  for (const key of strangers) {
    if (shape[key] !== undefined)
      faults.addKey([...at, key], `has no meaning with ${shape.url ? 'url' : 'command'}`, 'no such key');
  }
  const upstream = shape.url === undefined ? stdioOf(shape, at, around) : httpOf(shape.url, shape, at, around);
  return upstream === null ? null : { name, upstream, policyPath: inFolder(around.folder, shape.policy) };
}

function httpOf(
  text: string,
  shape: ServerShape,
  at: readonly Key[],
  around: Surroundings,
): ServerConfig['upstream'] | null {
  const { env, faults } = around;
  const url = interpolate(text, env, [...at, 'url'], faults);
  if (env !== null && !isHttpUrl(url)) {
    faults.add([...at, 'url'], isNow(text), 'an http or https URL without a name and password in it');
    return null;
  }
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(textsOf(shape.headers, [...at, 'headers'], faults))) {
    const place = [...at, 'headers', name];
    const filled = interpolate(value, env, place, faults);
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) faults.addKey(place, 'is no header name', 'an HTTP header name');
    // Line breaks and other controls would end or split the header.
    if (/[\u0000-\u0008\u000a-\u001f\u007f]|[^\u0000-\u00ff]/.test(filled)) {
      faults.add(place, 'holds a character that a header cannot carry', 'printable text');
    }
    if (Object.hasOwn(headers, name.toLowerCase())) faults.addKey(place, 'is given twice', 'each header once');
    headers[name.toLowerCase()] = filled;
  }
  return { kind: 'http', url, headers };
}

function stdioOf(shape: ServerShape, at: readonly Key[], around: Surroundings): ServerConfig['upstream'] {
  const { env, faults, folder } = around;
  const fill = (text: string, place: readonly Key[]): string => interpolate(text, env, [...at, ...place], faults);
  const [program = '', ...rest] = (shape.command ?? []).map((word, index) => fill(word, ['command', index]));
  if (program === '') faults.add([...at, 'command', 0], 'is empty', 'a program');
  const filled: Record<string, string> = Object.create(null);
  for (const [name, text] of Object.entries(textsOf(shape.env, [...at, 'env'], faults))) {
    filled[name] = fill(text, ['env', name]);
  }
  return {
    kind: 'stdio',
    command: [program, ...rest],
    env: filled,
    cwd: shape.cwd === undefined ? null : inFolder(folder, fill(shape.cwd, ['cwd'])),
  };
}

export function inFolder(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}

export function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.password === '';
}
