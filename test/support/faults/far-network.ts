import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** A network that can lose every packet without a word: a cable between this process's namespace and another one. */
export interface FarNetwork {
  /** This side, as it is called from there. */
  readonly here: string;
  /** The program at the other end; it was told to start when the cable was there, by a line to its input. */
  readonly program: ChildProcess;
  /** From now on no packet arrives, in either direction, and nothing answers that it did not. */
  lose(): void;
}

/** Whether such a network can be made here. */
export function canMakeNetworks(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  return spawnSync('unshare', ['-n', 'ip', 'link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far']).status === 0;
}

/** Runs a script of Node in a network namespace of its own, which nothing outside reaches; it ends with the script. */
export function inOwnNetwork(script: string, ...args: readonly string[]): ChildProcess {
  return spawn('unshare', ['-n', process.execPath, script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/**
 * To be called in a namespace of its own. `command`: a program that waits for a line before it connects. Addresses are of
 * a block for documentation, which is nobody's (RFC 5737). Everything is gone with the two processes.
 */
export async function farNetwork(command: readonly string[]): Promise<FarNetwork> {
  const [here, there] = ['198.51.100.1', '198.51.100.2'];
  const program = spawn('unshare', ['-n', ...command], { stdio: ['pipe', 'pipe', 'inherit'] });
  const { pid } = program;
  // `unshare` becomes the program; until it says something, the cable would have both ends here.
  await once(program.stdout!, 'data');
  run('ip', 'link', 'set', 'lo', 'up');
  run('ip', 'link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far', 'netns', String(pid));
  run('ip', 'address', 'add', `${here}/30`, 'dev', 'near');
  run('ip', 'link', 'set', 'near', 'up');
  const over = (...words: string[]): void => run('nsenter', '-t', String(pid), '-n', 'ip', ...words);
  over('address', 'add', `${there}/30`, 'dev', 'far');
  over('link', 'set', 'far', 'up');
  program.stdin!.write('\n');
  return {
    here,
    program,
    // The neighbour stays known here, so packets leave, and there they are nobody's.
    lose: () => over('address', 'del', `${there}/30`, 'dev', 'far'),
  };
}

function run(program: string, ...words: string[]): void {
  const { status, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${stderr}`);
}
