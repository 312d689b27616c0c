import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { Spell } from '../../time/spell.ts';
import { LineCutter } from './lines.ts';

/** How to start a stdio server. */
export interface Program {
  /** The executable and its arguments; no shell interprets them. */
  readonly command: readonly string[];
  /** The child's whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** How a child ended. Only the size of stderr is told, because its text may contain secrets. */
export interface ChildExit {
  /** It was asked to end, and did not end by itself. */
  readonly asked: boolean;
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderrBytes: number;
  /** It was killed because it wrote a line longer than 64 MiB. */
  readonly overlong: boolean;
  /** It was killed because taking a line of it failed with this error; null: none did. */
  readonly err: Error | null;
}

/** `not_written`: certainly nothing reached the child. `broken`: a part may have. */
export type WriteResult = 'written' | 'not_written' | 'broken';

/** Whether the program could be started. */
export type StartResult =
  | { readonly kind: 'started'; readonly child: Child }
  /** An errno name, such as ENOENT. */
  | { readonly kind: 'not_started'; readonly code: string };

/** Longest line of the child's output, in bytes. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;
/** How much is kept of the end of stderr, in UTF-16 units. */
const STDERR_KEPT = 2_000;
const TERM_AFTER_MS = 2000;
const KILL_AFTER_MS = 5000;
/** Milliseconds after the exit for which output is still read, if a process outside the group keeps the pipe open. */
const DRAIN_MS = 1000;

/** Takes a line of a child's output. The next one comes once the promise that it may return has resolved. */
export type LineReader = (line: Uint8Array) => Promise<void> | void;

/** Starts the program. `onLine` is called with every line of its stdout that is not empty, one after the other. */
export async function startChild(program: Program, onLine: LineReader): Promise<StartResult> {
  const [file = '', ...args] = program.command;
  try {
    const childProcess = spawn(file, args, {
      cwd: program.cwd,
      env: program.env,
      stdio: ['pipe', 'pipe', 'pipe'],
      windowsHide: true,
      // A process group of its own: `npx` and shells start the real server as a grandchild, which must end with them.
      detached: process.platform !== 'win32',
    });
    const failure = await new Promise<Error | null>((resolve) => {
      childProcess.once('spawn', () => resolve(null));
      childProcess.once('error', resolve);
    });
    if (failure !== null) throw failure;
    return { kind: 'started', child: new Child(childProcess, onLine) };
  } catch (error) {
    return { kind: 'not_started', code: (error as NodeJS.ErrnoException).code ?? 'unknown' };
  }
}

/** One running child. */
export class Child {
  readonly pid: number;
  /** Resolves when the child has exited and all of its output was read. Never rejects. */
  readonly exited: Promise<ChildExit>;
  readonly #process: ChildProcessWithoutNullStreams;
  #hasExited = false;
  #isEnding = false;
  #overlong = false;
  #failure: Error | null = null;
  #stderrBytes = 0;
  #stderrEnd = '';
  /** Whether it was asked to end before it exited. */
  #wasAsked = false;
  /** Somebody reads too slowly. */
  #isPaused = false;
  /** Chunks of output that are being worked on or wait for it. */
  #chunks = 0;
  /** Settles once all that was read has been worked on. Never rejects. */
  #work: Promise<void> = Promise.resolve();

  constructor(childProcess: ChildProcessWithoutNullStreams, onLine: LineReader) {
    this.#process = childProcess;
    this.pid = childProcess.pid!;
    this.#listen(onLine);
    this.exited = new Promise((resolve) => {
      childProcess.once('close', (code, signal) => {
        // Node resumes the output of a process that has exited, so its pipe may close before all has been worked on.
        void this.#work.then(() =>
          resolve({
            asked: this.#wasAsked,
            code,
            signal,
            stderrBytes: this.#stderrBytes,
            overlong: this.#overlong,
            err: this.#failure,
          }),
        );
      });
    });
    childProcess.once('exit', () => {
      this.#wasAsked = this.#isEnding;
      this.#drain();
    });
    // A failed kill is reported here; `close` reports the exit.
    childProcess.on('error', () => {});
    // The write that hits a broken pipe reports it.
    childProcess.stdin.on('error', () => {});
  }

  /** The last line of its stderr that is not empty, for whoever started it by hand: it may contain secrets. */
  get said(): string {
    return this.#stderrEnd.trim().split('\n').at(-1)?.trim() ?? '';
  }

  /** Writes bytes that end with a line break; resolves when the pipe has accepted them. Never rejects. */
  write(bytes: Uint8Array): Promise<WriteResult> {
    const { stdin } = this.#process;
    if (this.#hasExited || !stdin.writable) return Promise.resolve('not_written');
    return new Promise((resolve) => {
      stdin.write(bytes, (error) => resolve(error ? 'broken' : 'written'));
    });
  }

  /** Stops reading the child's output, which then stays in the pipe and makes the child wait. */
  pause(): void {
    if (this.#hasExited) return;
    this.#isPaused = true;
    this.#process.stdout.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#chunks === 0) this.#process.stdout.resume();
  }

  /**
   * Ends the child by closing its stdin; SIGTERM follows after 2 s, SIGKILL after 5 s; `atOnce`: after 0.2 s and 1.5 s.
   * Resolves when it has exited.
   */
  end(atOnce = false): Promise<ChildExit> {
    if (!this.#isEnding) {
      this.#isEnding = true;
      this.#process.stdin.end();
      this.resume();
      const term = setTimeout(() => this.#signal('SIGTERM'), atOnce ? 200 : TERM_AFTER_MS);
      const kill = setTimeout(() => this.#signal('SIGKILL'), atOnce ? 1_500 : KILL_AFTER_MS);
      void this.exited.then(() => {
        clearTimeout(term);
        clearTimeout(kill);
      });
    }
    return this.exited;
  }

  #listen(onLine: LineReader): void {
    const lines = new LineCutter(MAX_LINE_BYTES);
    const spell = new Spell();
    this.#process.stdout.on('data', (chunk: Uint8Array) => {
      // Until this much has been worked on, the rest stays in the pipe, and a child that floods it waits.
      this.#process.stdout.pause();
      this.#chunks += 1;
      this.#work = this.#work.then(() => this.#take(lines.cut(chunk), onLine, spell));
    });
    this.#process.stdout.on('error', () => {});
    this.#process.stderr.on('data', (chunk: Uint8Array) => {
      this.#stderrBytes += chunk.length;
      this.#stderrEnd = (this.#stderrEnd + Buffer.from(chunk.subarray(-STDERR_KEPT)).toString()).slice(-STDERR_KEPT);
    });
    this.#process.stderr.on('error', () => {});
  }

  /** Works on one chunk, after those before it. Never rejects. */
  async #take(lines: ReturnType<LineCutter['cut']>, onLine: LineReader, spell: Spell): Promise<void> {
    try {
      if (!this.#isUnreadable && !(await this.#readLines(lines, onLine, spell))) this.#overlong = true;
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
    this.#chunks -= 1;
    if (this.#isUnreadable) this.#signal('SIGKILL');
    if (this.#chunks === 0 && !this.#isPaused) this.#process.stdout.resume();
  }

  get #isUnreadable(): boolean {
    return this.#overlong || this.#failure !== null;
  }

  /** Resolves to false when a line is too long. */
  async #readLines(lines: ReturnType<LineCutter['cut']>, onLine: LineReader, spell: Spell): Promise<boolean> {
    for (;;) {
      const { done, value } = lines.next();
      if (done) {
        await spell.rest();
        return value;
      }
      if (value !== null) await onLine(value);
      await spell.rest();
    }
  }

  /** After the exit: kills what is left of its process group, and reads what is still in the pipe. */
  #drain(): void {
    this.#hasExited = true;
    this.#signal('SIGKILL');
    this.resume();
    let late = setTimeout(giveUp, DRAIN_MS, this);
    void this.exited.then(() => clearTimeout(late));
    function giveUp(child: Child): void {
      if (child.#chunks > 0) {
        late = setTimeout(giveUp, DRAIN_MS, child);
        return;
      }
      child.#process.stdout.destroy();
      child.#process.stderr.destroy();
    }
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      if (process.platform === 'win32') this.#process.kill(signal);
      else process.kill(-this.pid, signal);
    } catch {
      // No process of the group is left.
    }
  }
}
