import { type Stats, statSync } from 'node:fs';
import { delimiter, dirname, resolve } from 'node:path';
import { realPath } from './guarded.ts';
import type { MachineUser } from './user.ts';

/**
 * Where programs look for the certificate authorities that they trust: paths, and no secrets. Behind a proxy that opens
 * TLS, `npx` and `uvx` fetch nothing without them.
 */
const CERTIFICATE_PATHS = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'REQUESTS_CA_BUNDLE'] as const;

/** What a server that is a command can see of the files. */
export interface Sight {
  /** Absent: it is the gateway's own user. */
  readonly user?: MachineUser | null;
  /** Absent: it sees all files. */
  readonly sees?: (path: string) => boolean;
}

/**
 * Those of the gateway's own variables that name certificates which the server can read. The others are left out: with a
 * file that is not there, some programs trust nobody.
 */
export function certificatesFor(
  own: Readonly<Record<string, string | undefined>>,
  { user = null, sees = () => true }: Sight,
): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of CERTIFICATE_PATHS) {
    const value = own[name];
    if (value === undefined || value === '') continue;
    // Absolute, because the server may begin in another folder.
    const paths = (name === 'SSL_CERT_DIR' ? value.split(delimiter) : [value]).map((path) => resolve(path));
    if (paths.every((path) => sees(path) && isReadable(path, user))) found[name] = paths.join(delimiter);
  }
  return found;
}

/** Whether the user may read it; null: the gateway's own user, who finds out by himself. */
function isReadable(path: string, user: MachineUser | null): boolean {
  const real = realPath(path);
  const found = statSync(real, { throwIfNoEntry: false });
  if (found === undefined) return false;
  if (user === null) return true;
  for (let folder = dirname(real); ; folder = dirname(folder)) {
    if (!may(statSync(folder), user, ENTER)) return false;
    if (folder === dirname(folder)) break;
  }
  return may(found, user, found.isDirectory() ? READ | ENTER : READ);
}

const READ = 4;
const ENTER = 1;

function may({ mode, uid, gid }: Stats, user: MachineUser, wanted: number): boolean {
  const shift = uid === user.uid ? 6 : user.groups.includes(gid) ? 3 : 0;
  return ((mode >> shift) & wanted) === wanted;
}
