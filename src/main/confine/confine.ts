import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import type { StdioUpstream } from '../../config/config.ts';
import type { Program } from '../../mcp/stdio/child.ts';
import { inheritedFrom } from '../../mcp/stdio/inherited.ts';
import { bubblewrapWords, isSeenIn, NotConfined, SANDBOX_HOME } from './bubblewrap.ts';
import { certificatesFor } from './certificates.ts';
import type { Guarded } from './guarded.ts';
import { findUser, type MachineUser, SYSTEM_PATH } from './user.ts';

/** The gateway's own environment, of which a child inherits what a program needs to run. */
type OwnEnvironment = Readonly<Record<string, string | undefined>>;

/** What a sandboxed child inherits: the language and time, and where programs are. */
const SANDBOX_INHERITS = ['PATH', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ'];
/** To change the user inside a sandbox; they are gone once it is changed. */
const CHANGES_USER = ['CAP_SETUID', 'CAP_SETGID', 'CAP_SETPCAP'];

/**
 * How a stdio server is started: its program, behind what changes its user and puts it into a sandbox. Asked at each start,
 * because paths may lead elsewhere by then. Throws `NotConfined` where it cannot be confined as the config says.
 */
export function confinedProgram(server: StdioUpstream, guarded: Guarded, own: OwnEnvironment): Program {
  const { command, runAs, sandbox, cwd } = server;
  const user = runAs === null ? null : userToBe(runAs);
  const inherited = inheritedFrom(own);
  if (user === null && sandbox === null) {
    const env = { ...inherited, ...certificatesFor(own, {}), ...server.env };
    return { command, env, ...(cwd === null ? {} : { cwd }) };
  }
  const inner = user === null ? command : [...userWords(user), ...command];
  if (sandbox === null) {
    const env = { ...asUser(inherited, user!), ...certificatesFor(own, { user }), ...server.env };
    return { command: inner, env, cwd: cwd ?? homeOf(user!) };
  }
  const isRoot = process.getuid?.() === 0;
  const capabilities = user === null ? [] : CHANGES_USER;
  const terms = { sandbox, cwd, guarded, isRoot, capabilities };
  const words = bubblewrapWords(systemProgram('bwrap', 'bubblewrap'), terms);
  const kept = Object.fromEntries(Object.entries(inherited).filter(([name]) => SANDBOX_INHERITS.includes(name)));
  const base = user === null ? kept : asUser(kept, user);
  const trusted = certificatesFor(own, { user, sees: (path) => isSeenIn(terms, path) });
  return { command: [...words, ...inner], env: { ...base, HOME: SANDBOX_HOME, ...trusted, ...server.env }, cwd: '/' };
}

/** The user that a server is to run as. */
function userToBe(name: string): MachineUser {
  const own = process.getuid?.();
  if (own === undefined) throw new NotConfined(`run_as: ${name} has no meaning on this system`);
  const user = findUser(name);
  if (user === null) throw new NotConfined(`run_as: there is no user ${name}`);
  if (user.uid === 0) throw new NotConfined(`run_as: ${name} is root, from whom nothing can be kept`);
  if (user.uid === own) throw new NotConfined(`run_as: ${name} is the user of the gateway itself`);
  return user;
}

function userWords({ uid, gid, groups }: MachineUser): string[] {
  return [
    systemProgram('setpriv', 'util-linux'),
    `--reuid=${uid}`,
    `--regid=${gid}`,
    `--groups=${groups.join(',')}`,
    // It ends with the gateway. Neither sudo nor another program with a user of its own leads back.
    ...['--pdeathsig=KILL', '--no-new-privs', '--inh-caps=-all', '--ambient-caps=-all', '--bounding-set=-all', '--'],
  ];
}

function asUser(env: Readonly<Record<string, string>>, user: MachineUser): Record<string, string> {
  const { TMPDIR: _1, TMP: _2, TEMP: _3, ...kept } = env;
  return { ...kept, HOME: user.home, USER: user.name, LOGNAME: user.name, SHELL: user.shell };
}

function homeOf({ home }: MachineUser): string {
  return statSync(home, { throwIfNoEntry: false })?.isDirectory() ? home : '/';
}

/** The full path of a program of the system. */
function systemProgram(name: string, debianPackage: string): string {
  for (const folder of SYSTEM_PATH.split(':')) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // It may be in the next one.
    }
  }
  throw new NotConfined(`the program ${name} is missing: install ${debianPackage}`);
}
