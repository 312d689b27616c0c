import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { LineCutter } from './lines.ts';

/** The program that a stdio server is. */
export interface Program {
  /** The file and its arguments; no shell reads them. */
  readonly command: readonly string[];
  /** The child's whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** How a child ended. Of stderr only the size is kept: it may hold secrets. */
export interface Gone {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderrBytes: number;
  /** It wrote a line longer than the cap, and was killed for it. */
  readonly overlong: boolean;
}

/** `not_written`: provably none of it reached the child. `broken`: perhaps some did. */
export type Written = 'written' | 'not_written' | 'broken';

export type Started =
  | { readonly kind: 'started'; readonly child: Child }
  /** An errno name, such as ENOENT. */
  | { readonly kind: 'not_started'; readonly code: string };

/** The longest line, in bytes. */
const LINE_CAP = 64 * 1024 * 1024;
const TERM_AFTER_MS = 2000;
const KILL_AFTER_MS = 5000;
/** How long output may still come after the exit, where something outside the group holds the pipe. */
const DRAIN_MS = 1000;

/** Starts the program. `hear` gets every line of its stdout that is not empty. */
export async function startChild(program: Program, hear: (line: Uint8Array) => void): Promise<Started> {
  const [file = '', ...args] = program.command;
  try {
    const running = spawn(file, args, {
      cwd: program.cwd,
      env: program.env,
      stdio: ['pipe', 'pipe', 'pipe'],
      windowsHide: true,
      // Its own process group: `npx` and shells start the real server as a grandchild, which must not outlive them.
      detached: process.platform !== 'win32',
    });
    const failure = await new Promise<Error | null>((resolve) => {
      running.once('spawn', () => resolve(null));
      running.once('error', resolve);
    });
    if (failure !== null) throw failure;
    return { kind: 'started', child: new Child(running, hear) };
  } catch (error) {
    return { kind: 'not_started', code: (error as NodeJS.ErrnoException).code ?? 'unknown' };
  }
}

/** One running child. */
export class Child {
  readonly pid: number;
  /** Settles when the child has exited and all it said was heard. Never rejects. */
  readonly gone: Promise<Gone>;
  readonly #running: ChildProcessWithoutNullStreams;
  #exited = false;
  #ending = false;
  #overlong = false;
  #stderrBytes = 0;

  constructor(running: ChildProcessWithoutNullStreams, hear: (line: Uint8Array) => void) {
    this.#running = running;
    this.pid = running.pid!;
    this.#listen(hear);
    this.gone = new Promise((resolve) => {
      running.once('close', (code, signal) => {
        resolve({ code, signal, stderrBytes: this.#stderrBytes, overlong: this.#overlong });
      });
    });
    running.once('exit', () => this.#drain());
    // A failed kill is reported here; the exit tells the rest.
    running.on('error', () => {});
    // A broken pipe is told to the write that met it.
    running.stdin.on('error', () => {});
  }

  /** Writes bytes that end with a line break; settles when the pipe took them. */
  write(bytes: Uint8Array): Promise<Written> {
    const { stdin } = this.#running;
    if (this.#exited || !stdin.writable) return Promise.resolve('not_written');
    return new Promise((resolve) => {
      stdin.write(bytes, (error) => resolve(error ? 'broken' : 'written'));
    });
  }

  /** Lets the child wait: its output stays in the pipe. */
  pause(): void {
    if (!this.#exited) this.#running.stdout.pause();
  }

  resume(): void {
    this.#running.stdout.resume();
  }

  /** Asks it to end by closing its stdin; SIGTERM after 2 s, SIGKILL after 5 s. Settles when it is gone. */
  end(): Promise<Gone> {
    if (!this.#ending) {
      this.#ending = true;
      this.#running.stdin.end();
      this.resume();
      const term = setTimeout(() => this.#signal('SIGTERM'), TERM_AFTER_MS);
      const kill = setTimeout(() => this.#signal('SIGKILL'), KILL_AFTER_MS);
      void this.gone.then(() => {
        clearTimeout(term);
        clearTimeout(kill);
      });
    }
    return this.gone;
  }

  #listen(hear: (line: Uint8Array) => void): void {
    const lines = new LineCutter(LINE_CAP);
    this.#running.stdout.on('data', (chunk: Uint8Array) => {
      if (this.#overlong || lines.push(chunk, hear)) return;
      this.#overlong = true;
      this.#signal('SIGKILL');
    });
    this.#running.stdout.on('error', () => {});
    this.#running.stderr.on('data', (chunk: Uint8Array) => {
      this.#stderrBytes += chunk.length;
    });
    this.#running.stderr.on('error', () => {});
  }

  /** After the exit: ends what it left behind in its group, and reads what is still in the pipe. */
  #drain(): void {
    this.#exited = true;
    this.#signal('SIGKILL');
    this.resume();
    const late = setTimeout(() => {
      this.#running.stdout.destroy();
      this.#running.stderr.destroy();
    }, DRAIN_MS);
    void this.gone.then(() => clearTimeout(late));
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      if (process.platform === 'win32') this.#running.kill(signal);
      else process.kill(-this.pid, signal);
    } catch {
      // Nothing of the group is left.
    }
  }
}
