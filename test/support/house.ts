import { globSync, readFileSync } from 'node:fs';

/** One import of one source file: where it stands and what it names. */
export interface Import {
  readonly file: string;
  readonly line: number;
  /** A path from the repository's root, `node:…`, or a package's name. */
  readonly target: string;
}

/** What a file of a room may import: rooms, and whether anything outside. */
interface Room {
  readonly rooms: readonly string[];
  /** Packages and node's own modules; the list names the only ones. */
  readonly outside: boolean | readonly string[];
}

/** What `main` may import: everything that it builds a gateway from. */
const HOUSE = [
  'domain',
  'ports',
  'gateway',
  'mcp',
  'slack',
  'web',
  'sql',
  'queue',
  'config',
  'vault',
  'sink',
  'tracing',
  'oidc',
  'webauthn',
  'oauth',
  'http',
];
/** Common ground: every room may import it, and it imports nothing but itself. */
const COMMON_GROUND = ['text', 'time', 'bytes'];

const ADAPTER: Room = { rooms: ['ports', 'domain', 'gateway'], outside: true };

/** DESIGN's arrows. A room may always import itself and the common ground. */
export const ARROWS: Readonly<Record<string, Room>> = {
  text: { rooms: [], outside: false },
  time: { rooms: [], outside: false },
  // Web Crypto has no comparison in constant time; Workers have Node's.
  bytes: { rooms: [], outside: ['node:crypto'] },
  domain: { rooms: [], outside: false },
  ports: { rooms: ['domain'], outside: false },
  gateway: { rooms: ['ports', 'domain'], outside: false },
  mcp: ADAPTER,
  slack: ADAPTER,
  web: ADAPTER,
  sql: ADAPTER,
  queue: ADAPTER,
  config: ADAPTER,
  vault: ADAPTER,
  sink: ADAPTER,
  tracing: ADAPTER,
  oidc: ADAPTER,
  webauthn: ADAPTER,
  oauth: ADAPTER,
  http: { rooms: ['mcp', 'slack', 'web'], outside: true },
  demo: { rooms: [], outside: true },
  main: { rooms: [...HOUSE, 'demo'], outside: true },
  cli: { rooms: ['*'], outside: true },
};

const IMPORT =
  /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;

/** Every import statement of a source text, types included: an arrow of types is an arrow. */
export function importsOf(file: string, text: string): Import[] {
  const found: Import[] = [];
  for (const match of text.matchAll(IMPORT)) {
    const name = match[1] ?? match[2] ?? match[3]!;
    const line = text.slice(0, match.index).split('\n').length;
    found.push({ file, line, target: name.startsWith('.') ? resolved(file, name) : name });
  }
  return found;
}

function resolved(file: string, name: string): string {
  return new URL(name, `file:///${file}`).pathname.slice(1);
}

/** `src/mcp/door/door.ts` → `mcp`; `src/ports.ts` → `ports`. */
export function roomOf(file: string): string {
  return file.split('/')[1]!.replace(/\.ts$/, '');
}

/** What is wrong with an import, in words; null when its arrow is allowed. */
export function wrongArrow({ file, target }: Import): string | null {
  const from = roomOf(file);
  const room = ARROWS[from];
  if (room === undefined) return `the room ${from} has no place in the house`;
  if (target.startsWith('src/')) {
    const to = roomOf(target);
    if (to === from || COMMON_GROUND.includes(to) || room.rooms.includes(to) || room.rooms.includes('*')) return null;
    return `${from} must not import ${to}`;
  }
  if (target.startsWith('test/') || target.startsWith('bench/')) return `${from} must not import ${target}`;
  if (room.outside === true || (Array.isArray(room.outside) && room.outside.includes(target))) return null;
  return `${from} must not import the outside (${target})`;
}

/** Source files under a folder, as paths from the root. */
export function sources(folder: string): string[] {
  return globSync(`${folder}/**/*.ts`)
    .map((path) => path.replaceAll('\\', '/'))
    .sort();
}

/** Lines at which a source reads the environment. */
export function environmentReads(text: string): number[] {
  return text
    .split('\n')
    .flatMap((line, index) => (/\bprocess\s*\.\s*env\b/.test(withoutComment(line)) ? [index + 1] : []));
}

function withoutComment(line: string): string {
  return line.replace(/\/\/.*$|^\s*\/?\*.*$/, '');
}

export function textOf(file: string): string {
  return readFileSync(file, 'utf8');
}
