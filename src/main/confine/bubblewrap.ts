import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Sandbox, SandboxPath } from '../../config/confinement.ts';
import { type Guarded, liesIn, realPath } from './guarded.ts';

/** What a sandbox is made for. */
export interface SandboxTerms {
  readonly sandbox: Sandbox;
  /** Absolute; null: it begins in its own `/tmp`. */
  readonly cwd: string | null;
  readonly guarded: Guarded;
  /** Whether the gateway is root, which needs no namespace of users. */
  readonly isRoot: boolean;
  /** Capabilities that the first program inside needs, to change its user. */
  readonly capabilities: readonly string[];
}

/** Where a sandboxed server finds itself without a `cwd`, and what it has for a home. */
export const SANDBOX_HOME = '/tmp';
/** The most that a sandbox may keep in its `/tmp`, in bytes: it is memory. */
const MOST_TMP = 512 * 1024 * 1024;

const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/nix/store'];
/** What programs need of `/etc`. The rest of it may hold keys and passwords. */
const ETC = [
  ...['alternatives', 'ca-certificates', 'ca-certificates.conf', 'fonts', 'gai.conf', 'group', 'host.conf', 'hosts'],
  ...['ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'locale.alias', 'locale.conf', 'localtime', 'mime.types'],
  ...['nsswitch.conf', 'os-release', 'passwd', 'pki/ca-trust', 'pki/tls/certs', 'pki/tls/cert.pem', 'protocols'],
  ...['services', 'ssl/certs', 'ssl/openssl.cnf', 'terminfo', 'timezone'],
].map((name) => `/etc/${name}`);

/** Why a server cannot be confined as the config says; the message is for whoever runs the gateway. */
export class NotConfined extends Error {}

/**
 * The words that go before a program to run it in a sandbox of its own: namespaces of processes, IPC, host name and, unless
 * `network`, of the network; its own `/proc` and `/dev`; the system read only; nothing else of the files but `cwd` and the
 * listed paths. It ends with the gateway. Throws `NotConfined` when a path would lead to what is guarded.
 */
export function bubblewrapWords(bwrap: string, terms: SandboxTerms): string[] {
  const { sandbox, cwd, isRoot, capabilities } = terms;
  const paths = visiblePaths(terms);
  return [
    bwrap,
    ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
    ...(sandbox.network ? [] : ['--unshare-net']),
    ...(isRoot ? [] : ['--unshare-user', '--disable-userns']),
    ...['--die-with-parent', '--new-session', '--cap-drop', 'ALL'],
    ...capabilities.flatMap((name) => ['--cap-add', name]),
    ...SYSTEM.flatMap(systemFolder),
    ...seenAt((sandbox.network ? [...ETC, '/etc/resolv.conf'] : ETC).filter((path) => existsSync(path)).map(readOnly)),
    // Root's own rights, without any capability, would still let it write the kernel's settings there.
    ...['--proc', '/proc', '--remount-ro', '/proc', '--dev', '/dev'],
    ...['/tmp', '/var/tmp'].flatMap((path) => ['--size', String(MOST_TMP), '--perms', '1777', '--tmpfs', path]),
    ...seenAt(paths),
    ...masks(terms, paths),
    ...['--remount-ro', '/', '--chdir', cwd ?? SANDBOX_HOME, '--'],
  ];
}

const readOnly = (path: string): SandboxPath => ({ path, writable: false });

/** Shows each path under its own name. Folders above it are made first: bubblewrap would close those of a file to others. */
function seenAt(paths: readonly SandboxPath[]): string[] {
  return paths.flatMap(({ path, writable }) => [
    ...['--dir', dirname(path)],
    ...[writable ? '--bind' : '--ro-bind', realPath(path), path],
  ]);
}

function systemFolder(path: string): string[] {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return [];
  return found.isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path];
}

/** Whether a server in this sandbox sees the file: in what is listed, or in what every sandbox has of the system. */
export function isSeenIn(
  { sandbox, cwd, guarded }: Pick<SandboxTerms, 'cwd' | 'guarded' | 'sandbox'>,
  path: string,
): boolean {
  const real = realPath(path);
  const isHidden = [...guarded.folders, ...guarded.secrets, guarded.config].some((each) => liesIn(real, each));
  const seen = [...SYSTEM, ...ETC, ...sandbox.paths.map((listed) => listed.path), ...(cwd === null ? [] : [cwd])];
  const isIn = (at: string): boolean => seen.some((each) => liesIn(at, each));
  // A link is followed inside, where its end has to be seen under its own name; a listed path shows its end.
  return !isHidden && isIn(path) && (isIn(real) || seen.includes(path));
}

/** `cwd` and the listed paths, those that hold others first; the narrower right counts where one is listed twice. */
function visiblePaths({ sandbox, cwd, guarded }: SandboxTerms): SandboxPath[] {
  const listed = [...sandbox.paths, ...(cwd === null ? [] : [{ path: cwd, writable: true }])];
  const byPath = new Map<string, SandboxPath>();
  for (const each of listed) {
    const writable = each.writable && (byPath.get(each.path)?.writable ?? true);
    byPath.set(each.path, { path: each.path, writable });
    refuseGuarded({ ...each, writable: listed.every(({ path, writable }) => path !== each.path || writable) }, guarded);
  }
  return [...byPath.values()].sort((a, b) => a.path.length - b.path.length);
}

function refuseGuarded({ path, writable }: SandboxPath, guarded: Guarded): void {
  const refuse = (why: string): never => {
    throw new NotConfined(`${path} cannot be in its sandbox: ${why}`);
  };
  if (!existsSync(path)) refuse('it does not exist');
  const real = realPath(path);
  if (real === '/' || ['/proc', '/sys', '/dev'].some((folder) => liesIn(real, folder))) {
    refuse('it is the system itself; list the folders that the server needs');
  }
  const inside = guarded.folders.find((folder) => liesIn(real, folder));
  if (inside !== undefined) refuse(`it lies in ${inside}, which no server may see`);
  if ([guarded.config, ...guarded.secrets].includes(real)) refuse('it may hold secrets of the gateway');
  if (!writable) return;
  // What lies in a folder that the server may write can be moved away and replaced, whatever is mounted on it.
  const held = [...guarded.folders, ...guarded.unwritten].find((each) => liesIn(each, real));
  if (held !== undefined)
    refuse(`${held} lies in it, and the server could replace it; list it as ${path}:ro, or move one`);
}

/** Covers what is guarded and lies in something that is seen, read only. */
function masks({ guarded }: SandboxTerms, paths: readonly SandboxPath[]): string[] {
  const seen = [...SYSTEM.map((path) => ({ path })), ...paths];
  const places = (real: string): string[] =>
    seen.flatMap(({ path }) => {
      const from = realPath(path);
      return liesIn(real, from) && existsSync(real) ? [path + real.slice(from.length)] : [];
    });
  return [
    ...guarded.folders.flatMap((real) =>
      [...new Set(places(real))].flatMap((path) => ['--tmpfs', path, '--remount-ro', path]),
    ),
    ...[guarded.config, ...guarded.secrets].flatMap((real) =>
      [...new Set(places(real))].flatMap((path) => ['--ro-bind', '/dev/null', path]),
    ),
  ];
}
