import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isProxyWithUser } from '../../config/proxies.ts';
import { fileVariable, SECRET_NAMES } from '../../config/secret-from.ts';
import { isPlainVariable, isReadByLibraries } from './plain-variables.ts';

/*
 * The kernel keeps the environment that a process was started with where every process of the same user can read it, and
 * no program can change that copy of its own. So the gateway starts itself again, in the same process, with what is plain;
 * the rest goes through a file that has no name. Node passes on the descriptors 0, 1 and 2 only, so it is descriptor 0.
 */

/** Whether this process was started again already. */
let handedOver = false;

type Variables = Readonly<Record<string, string | undefined>>;

/** Set in the environment of a process that finds a handover at its standard input. */
const MARK = 'HOLDFAST_HANDED_OVER';
/** The most bytes that a handover has: more than Linux lets an environment have. */
const MOST_BYTES = 16 * 1024 * 1024;
/** Linux's flag for a file that never has a name, with O_DIRECTORY as it asks for. */
const O_TMPFILE = 0o20200000;
const MEMORY = '/dev/shm';

/**
 * The variables that this process was given: its environment, and what was handed over. From then on secrets are not in
 * `process.env`. Called once, first.
 */
export function takeEnvironment(): Variables {
  const handed = process.env[MARK] === undefined ? {} : receive();
  delete process.env[MARK];
  const env = { ...process.env, ...handed };
  for (const [name, value] of Object.entries(handed)) if (isReadByLibraries(name)) process.env[name] = value;
  for (const name of SECRET_NAMES) delete process.env[name];
  return env;
}

/**
 * Starts this process again, with the same id, arguments and output, so that its environment holds only what is plain.
 * Returns null when that is so already, and else a warning: which secrets stay there, and why. Standard input is empty from
 * then on.
 */
export function shedEnvironment(env: Variables): string | null {
  const why = startAgain(env);
  const kept = SECRET_NAMES.filter((name) => env[name]);
  if (why === null || kept.length === 0) return null;
  return (
    `environment: ${kept.join(', ')} can be read by every process of this user, the servers that are started among them, ` +
    `because ${why} (expected files: ${kept.map(fileVariable).join(', ')})`
  );
}

/** Returns why it cannot be done, in words; null where there is nothing to do. */
function startAgain(env: Variables): string | null {
  const names = Object.keys(env).filter((name) => env[name] !== undefined);
  const isPlain = (name: string): boolean => isPlainVariable(name) && !isProxyWithUser(name, env[name]!);
  const secret = names.filter((name) => !isPlain(name));
  if (secret.length === 0 || handedOver) return null;
  if (process.platform === 'win32' || typeof process.execve !== 'function') {
    return `Node ${process.versions.node} cannot start itself again here`;
  }
  const file = namelessFileAtInput();
  if (file !== null) return file;
  const of = (wanted: readonly string[]): Record<string, string> =>
    Object.fromEntries(wanted.map((name) => [name, env[name]!]));
  write(Buffer.from(JSON.stringify(of(secret))));
  const words = [process.argv0, ...process.execArgv, ...process.argv.slice(1)];
  return process.execve(process.execPath, words, { ...of(names.filter(isPlain)), [MARK]: '0' });
}

/** Puts an empty file without a name at descriptor 0. Returns why that cannot be done; null when it is done. */
function namelessFileAtInput(): string | null {
  closeSync(0);
  try {
    const file = openNameless();
    if (file === 0) return null;
    closeSync(file);
  } catch (error) {
    emptyInput();
    return `no file could be made in ${MEMORY} or ${tmpdir()} (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
  }
  emptyInput();
  return 'its standard input could not be replaced';
}

function openNameless(): number {
  try {
    return openSync(MEMORY, O_TMPFILE | constants.O_RDWR, 0o600);
  } catch {
    // Another system, or a file system without such files: named for a moment, while it is empty, in a folder of ours.
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-'));
    try {
      return openSync(join(folder, 'handover'), constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}

function write(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(0, bytes, at, bytes.length - at, at);
}

/** What was handed over; nothing when standard input is something else: then somebody else set the mark. */
function receive(): Record<string, string> {
  const found = fstatSync(0);
  const own = found.isFile() && found.nlink === 0 && found.uid === process.getuid?.() && found.size <= MOST_BYTES;
  if (!own) return {};
  const bytes = Buffer.alloc(found.size);
  for (let at = 0; at < bytes.length; ) {
    const count = readSync(0, bytes, at, bytes.length - at, at);
    if (count === 0) break;
    at += count;
  }
  // Whoever has opened it meanwhile keeps an empty file.
  ftruncateSync(0);
  closeSync(0);
  emptyInput();
  handedOver = true;
  return JSON.parse(bytes.toString('utf8')) as Record<string, string>;
}

/** Descriptor 0 must not be free: whatever is opened next would get it. */
function emptyInput(): void {
  openSync('/dev/null', constants.O_RDONLY);
}
