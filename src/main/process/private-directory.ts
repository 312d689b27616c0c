import { chmodSync, lstatSync, mkdirSync, readdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';

const OWNER_ONLY = { directory: 0o700, file: 0o600 } as const;
const STICKY = 0o1000;
/** Directories in it that are ours from top to bottom. Others may be somebody's who named a directory of more than ours. */
const OUR_DIRECTORIES = new Set(['sql', 'witness', 'secrets', 'clients']);
/** What others may not do: write, as group or as anybody. */
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Makes the data directory and everything in it its owner's alone, however old it is and whatever the umask was: the
 * embedded database, the secret, checkpoints, sockets. Throws a plain message when somebody else could have put
 * something there: then what is in it cannot be believed, and another user could go on changing it.
 */
export function keepPrivate(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: OWNER_ONLY.directory });
  const me = process.getuid?.();
  // Windows has no such modes; its data directory is as private as the profile that it is in.
  if (me === undefined) return;
  const top = lstatSync(`${directory}/.`);
  if ((top.mode & STICKY) !== 0) {
    throw new Error(
      `${directory} is everybody's, like /tmp. Set HOLDFAST_DATA to a directory of its own, such as ${join(directory, 'holdfast')}.`,
    );
  }
  refuseShared(directory, top, me);
  tighten(directory, top, me);
  // A user who may not write here cannot have put files here either: root may run on another user's directory.
  const owners = new Set([me, top.uid, 0]);
  for (const path of below(directory, OUR_DIRECTORIES)) {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) continue;
    if (!owners.has(found.uid)) throw elsewhere(path, found, me);
    if (found.isSymbolicLink()) continue;
    refuseShared(path, found, me);
    tighten(path, found, me);
  }
}

/** From here on, files that this process makes are its owner's alone, those of libraries included. */
export function makeFilesPrivate(): void {
  if (process.platform !== 'win32') process.umask(0o077);
}

function* below(directory: string, within?: ReadonlySet<string>): Generator<string> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && within?.has(entry.name) === false) continue;
    yield path;
    if (entry.isDirectory()) yield* below(path);
  }
}

function refuseShared(path: string, { uid, mode }: Stats, me: number): void {
  if (uid === me || (mode & WRITABLE_BY_OTHERS) === 0) return;
  throw new Error(
    `${path} belongs to user ${uid}, and others than its owner may write it, so anybody may have changed what is in it. ` +
      `Look at it, then: chown -R ${me} ${path} && chmod -R go-rwx ${path}; or set HOLDFAST_DATA to a directory inside of it, which is then made for this user alone.`,
  );
}

function elsewhere(path: string, { uid }: Stats, me: number): Error {
  return new Error(
    `${path} belongs to user ${uid}, neither to user ${me}, who runs this, nor to the directory's owner. ` +
      `Look at it, then remove it or: chown -h ${me} ${path}`,
  );
}

/** Takes every right from others, and leaves what another user owns as it is. */
function tighten(path: string, found: Stats, me: number): void {
  if (found.uid !== me && me !== 0) return;
  const wanted = found.isDirectory() ? OWNER_ONLY.directory : OWNER_ONLY.file;
  if ((found.mode & 0o7777) !== wanted) chmodSync(path, wanted);
}
