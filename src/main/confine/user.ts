import { spawnSync } from 'node:child_process';

/** A user of this machine, as its user database has it. */
export interface MachineUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Every group, the first one included. */
  readonly groups: readonly number[];
  readonly home: string;
  readonly shell: string;
}

/** Where the system keeps its own programs; nobody else can put any there. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Looks a user up, with all groups, wherever the system keeps its users. null: there is none of this name. */
export function findUser(name: string): MachineUser | null {
  const [, , uid, gid, , home, shell] = said('getent', ['passwd', name]).split(':');
  const groups = said('id', ['-G', name]).split(/\s+/).filter(Boolean);
  if (!uid || !gid || groups.length === 0) return null;
  return {
    name,
    uid: Number(uid),
    gid: Number(gid),
    groups: groups.map(Number),
    home: home || '/',
    shell: shell || '/bin/sh',
  };
}

function said(program: string, words: readonly string[]): string {
  const { status, stdout } = spawnSync(program, words, {
    env: { PATH: SYSTEM_PATH },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return status === 0 ? stdout.trim() : '';
}
