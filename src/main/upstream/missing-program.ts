import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import type { ServerConfig } from '../../config/config.ts';

/** What a server that is a command lacks to be started, and what to do about it. */
export interface MissingProgram {
  readonly what: string;
  readonly remedy: string;
}

/**
 * What is missing, for a server that runs as the gateway's own user; null: nothing, or it is tried with its confinement.
 * `path`: directories with programs, as in `PATH`.
 */
export async function missingProgram({ upstream }: ServerConfig, path: string): Promise<MissingProgram | null> {
  if (upstream.kind !== 'stdio' || upstream.sandbox !== null || upstream.runAs !== null) return null;
  const { command, env, cwd } = upstream;
  const [program] = command;
  if (cwd !== null && !(await runnable(cwd)))
    return { what: 'its cwd does not exist', remedy: 'Correct cwd in the config.' };
  const places = program.includes('/')
    ? [isAbsolute(program) ? program : resolve(cwd ?? '.', program)]
    : (env.PATH ?? path).split(delimiter).map((folder) => join(folder, program));
  for (const place of places) if (await runnable(place)) return null;
  return { what: `there is no program ${program}`, remedy: 'Install it, or give its full path in command.' };
}

function runnable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
