import { constants } from 'node:fs';
import { access, readdir, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DirectoryHeld, holdDirectory } from '../../sql/connection/directory-lock.ts';
import { type DoctorFinding, fault, ok, warn } from './finding.ts';

const MIB = 1024 * 1024;
/** Bytes of free disk below which it is a warning, and below which it is a fault. */
const LOW = 1024 * MIB;
const TOO_LOW = 64 * MIB;

/** Checks the data directory and changes nothing. `embedded`: the database is in it. */
export async function dataFindings(data: string, embedded: boolean): Promise<DoctorFinding[]> {
  const about = 'data directory';
  const path = resolve(data);
  const found = await stat(path).catch(() => null);
  if (found === null) return [await absent(path), ...(await disk(dirname(path)))];
  if (!found.isDirectory()) return [fault(about, `${path} is not a directory`, 'Set HOLDFAST_DATA to a directory.')];
  const findings: DoctorFinding[] = [];
  if (!(await writable(path))) {
    const user = process.getuid?.() ?? 'this user';
    findings.push(fault(about, `${path} is not writable for user ${user}`, 'chown it to the user that runs Holdfast.'));
  }
  findings.push(...(await modes(path, found.mode)));
  if (embedded) findings.push(await inUse(path));
  if (findings.every(({ level }) => level === 'ok')) findings.unshift(ok(about, `${path} is writable`));
  return [...findings, ...(await disk(path))];
}

async function absent(path: string): Promise<DoctorFinding> {
  const parent = dirname(path);
  if (await writable(parent)) return ok('data directory', `${path} is created at the first start`);
  return fault(
    'data directory',
    `${path} does not exist, and ${parent} is not writable`,
    'Create it, or set HOLDFAST_DATA.',
  );
}

async function modes(path: string, mode: number): Promise<DoctorFinding[]> {
  const about = 'data directory';
  const open = (bits: number): boolean => process.platform !== 'win32' && (bits & 0o077) !== 0;
  const findings = open(mode)
    ? [warn(about, `${path} can be read by others on this machine`, `chmod 700 ${path}`)]
    : [];
  const secret = join(path, 'secret');
  const kept = await stat(secret).catch(() => null);
  if (kept !== null && open(kept.mode)) {
    findings.push(fault(about, 'its secret can be read by others on this machine', `chmod 600 ${secret}`));
  }
  return findings;
}

async function inUse(path: string): Promise<DoctorFinding> {
  const about = 'embedded database';
  try {
    await (await holdDirectory(path))();
  } catch (error) {
    if (error instanceof DirectoryHeld) return ok(about, 'in use by a running Holdfast; a second one is refused');
    return fault(about, 'the directory cannot be locked', 'Use a directory on a local disk, where sockets work.');
  }
  const exists = (await readdir(path)).includes('sql');
  return ok(
    about,
    exists ? 'not in use; its schema is brought up to date at the start' : 'is created at the first start',
  );
}

async function disk(path: string): Promise<DoctorFinding[]> {
  const about = 'disk';
  const found = await statfs(path).catch(() => null);
  if (found === null) return [];
  const free = found.bavail * found.bsize;
  const what = `${Math.floor(free / MIB)} MiB are free for the data directory`;
  if (free < TOO_LOW) return [fault(about, what, 'Free some space: when nothing can be written, no call passes.')];
  if (free < LOW) return [warn(about, what, 'Free some space soon: when nothing can be written, no call passes.')];
  return [ok(about, what)];
}

function writable(path: string): Promise<boolean> {
  return access(path, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}
