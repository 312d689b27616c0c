import { type ChildProcess, spawn, spawnSync } from 'node:child_process';

/** A network that can lose every packet without a word: a namespace of its own, with one cable to this machine. */
export interface FarNetwork {
  /** This machine, as it is called from there. */
  readonly here: string;
  /** Starts a program there. It is ended with the network. */
  run(command: readonly string[]): ChildProcess;
  /** From now on no packet arrives, in either direction, and nothing answers that it did not. */
  lose(): void;
  close(): void;
}

/** Whether such a network can be made here. */
export function canMakeNetworks(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  return spawnSync('unshare', ['-n', 'ip', 'link', 'add', 'hf-a', 'type', 'veth', 'peer', 'name', 'hf-b']).status === 0;
}

/** IPv4 in a block for documentation, which is nobody's (RFC 5737). */
export function farNetwork(): FarNetwork {
  const mark = process.pid.toString(36).slice(-6);
  const [space, near, far] = [`holdfast-${mark}`, `hfn${mark}`, `hff${mark}`];
  const [here, there] = ['198.51.100.1', '198.51.100.2'];
  const ip = (...words: string[]): void => {
    const { status, stderr } = spawnSync('ip', words, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`ip ${words.join(' ')}: ${stderr}`);
  };
  ip('netns', 'add', space);
  ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', space);
  ip('address', 'add', `${here}/30`, 'dev', near);
  ip('link', 'set', near, 'up');
  ip('-n', space, 'address', 'add', `${there}/30`, 'dev', far);
  ip('-n', space, 'link', 'set', far, 'up');
  const started: ChildProcess[] = [];
  return {
    here,
    run: (command) => {
      const child = spawn('ip', ['netns', 'exec', space, ...command], { stdio: ['ignore', 'pipe', 'inherit'] });
      started.push(child);
      return child;
    },
    // The neighbour stays known here, so packets leave, and there they are nobody's.
    lose: () => ip('-n', space, 'address', 'del', `${there}/30`, 'dev', far),
    close: () => {
      for (const child of started) child.kill('SIGKILL');
      // A namespace lives as long as its last process, and the cable with it.
      ip('link', 'del', near);
      ip('netns', 'del', space);
    },
  };
}
