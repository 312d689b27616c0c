import { readFileSync } from 'node:fs';
import type { Config } from '../../config/config.ts';
import { SECRET_NAMES } from '../../config/secret-from.ts';
import { isPlainVariable } from './plain-variables.ts';

/** A process above this one in whose environment secrets can be read. */
export interface RevealingAncestor {
  readonly pid: number;
  /** Its short name, as the kernel has it: `npm start`, `tini`. */
  readonly program: string;
  /** The variables' names. */
  readonly names: readonly string[];
}

/** More levels than any tree of processes has. */
const MOST_LEVELS = 64;

/** Which secrets of the gateway and of this config can be read there. */
export function readableSecrets({ variables }: Pick<Config, 'variables'>): RevealingAncestor[] {
  return revealingAncestors(new Set([...SECRET_NAMES, ...[...variables].filter((name) => !isPlainVariable(name))]));
}

/**
 * Looks at this process and those that it descends from: which of these variables can be read in their environments by a
 * process of this user, such as a server that it starts. Empty where the system has no `/proc`.
 */
export function revealingAncestors(names: ReadonlySet<string>): RevealingAncestor[] {
  const found: RevealingAncestor[] = [];
  let pid = process.pid;
  for (let level = 0; level < MOST_LEVELS && pid > 0; level += 1) {
    const readable = variablesOf(pid).filter((name) => names.has(name));
    const stat = textOf(`/proc/${pid}/stat`);
    // The program's name may hold blanks and brackets itself; its parent follows the last bracket.
    const end = stat.lastIndexOf(')');
    if (readable.length > 0) found.push({ pid, program: stat.slice(stat.indexOf('(') + 1, end), names: readable });
    pid = Number(
      stat
        .slice(end + 1)
        .trim()
        .split(' ')[1] ?? 0,
    );
  }
  return found;
}

/** Names of the variables that are not empty. */
function variablesOf(pid: number): string[] {
  const entries = textOf(`/proc/${pid}/environ`).split('\0');
  return entries.filter((entry) => /^[^=]+=./s.test(entry)).map((entry) => entry.slice(0, entry.indexOf('=')));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
