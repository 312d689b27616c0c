import { randomBytes } from 'node:crypto';
import { type Child, type ChildExit, type Program, startChild } from './child.ts';
import { StdioSession, type StdioSessionTerms } from './session.ts';

/** What a stdio server's sessions have in common. */
export interface SessionTerms extends StdioSessionTerms {
  readonly program: () => Program;
  readonly maxChildrenPerGrant: number;
  readonly idleMs: number;
  /** Milliseconds without traffic after which a session gives its place to a new one of its grant if its client is gone. */
  readonly quietMs: number;
  /** Told of failures instead of the log. */
  readonly onFailure?: ((failure: ServerFailure) => void) | undefined;
}

/** A server's process that could not be started, or ended although nobody asked it to. */
export interface ServerFailure {
  /** Its exit code; an errno name where it was never started; null: it was ended by `signal`. */
  readonly code: number | string | null;
  readonly signal: string | null;
  /** It answered `initialize` before. */
  readonly answered: boolean;
  /** The last line that it wrote to stderr, which may contain secrets. Empty: none. */
  readonly said: string;
}

/** What became of an `initialize`. `too_many`: the grant has `maxChildrenPerGrant` children already. */
export type OpenResult =
  | { readonly kind: 'opened'; readonly session: StdioSession }
  | { readonly kind: 'too_many' }
  | { readonly kind: 'not_started'; readonly why: string };

/** Most milliseconds between two checks for idle sessions. */
const CHECK_EVERY_MS = 30_000;

/** The sessions of one stdio server on this replica, with their processes. */
export class StdioSessions {
  readonly #terms: SessionTerms;
  readonly #live = new Map<string, StdioSession>();
  /** The number of processes of each grant, including those that are starting or ending. */
  readonly #children = new Map<string, number>();
  readonly #exits = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(terms: SessionTerms) {
    this.#terms = terms;
  }

  /** The session, if this grant opened it and it still exists; else null. */
  find(id: string, grant: string): StdioSession | null {
    const session = this.#live.get(id);
    return session?.grant === grant ? session : null;
  }

  /** Starts a child and opens a session for it. */
  async open(grant: string): Promise<OpenResult> {
    if (this.#closed) return { kind: 'not_started', why: 'the gateway is shutting down' };
    if (!this.#hasRoom(grant)) await this.#makeRoom(grant);
    if (!this.#hasRoom(grant)) return { kind: 'too_many' };
    const { log } = this.#terms;
    const program = this.#program(grant);
    if (program === null) return { kind: 'not_started', why: "the server's program cannot be started safely" };
    this.#count(grant, 1);
    const session = new StdioSession(randomBytes(24).toString('base64url'), grant, this.#terms);
    const started = await startChild(program, (line) => session.receiveLine(line));
    if (started.kind === 'not_started') {
      this.#count(grant, -1);
      const { code } = started;
      const { onFailure } = this.#terms;
      if (onFailure) onFailure({ code, signal: null, answered: false, said: '' });
      else log.error({ grant, command: program.command[0], code }, 'stdio server: could not be started');
      return { kind: 'not_started', why: `the server's program could not be started (${started.code})` };
    }
    session.attach(started.child);
    this.#register(session, started.child);
    if (!this.#closed) return { kind: 'opened', session };
    void this.end(session);
    return { kind: 'not_started', why: 'the gateway is shutting down' };
  }

  #hasRoom(grant: string): boolean {
    return (this.#children.get(grant) ?? 0) < this.#terms.maxChildrenPerGrant;
  }

  /**
   * Ends sessions of the grant whose clients have gone without a word: of those that nobody listens to the one that was
   * quiet for longest, else all whose listeners do not answer. Resolves when their processes have exited.
   */
  async #makeRoom(grant: string): Promise<void> {
    const now = this.#terms.clock.now().getTime();
    const { quietMs } = this.#terms;
    const own = [...this.#live.values()].filter((session) => session.grant === grant);
    const [deserted] = own
      .filter((session) => session.idle(now, quietMs))
      .sort((one, other) => one.usedAt - other.usedAt);
    const ended = deserted === undefined ? await this.#clientless(own, now) : [deserted];
    for (const session of ended) this.#live.delete(session.id);
    await Promise.all(ended.map((session) => session.end(true)));
    if (ended.length > 0)
      this.#terms.log.info({ grant, sessions: ended.length }, 'stdio server: ended sessions whose clients have gone');
  }

  async #clientless(sessions: readonly StdioSession[], now: number): Promise<readonly StdioSession[]> {
    const there = await Promise.all(sessions.map((session) => session.hasClient(now, this.#terms.quietMs)));
    return sessions.filter((_, index) => !there[index]);
  }

  /** How the child is started; null where that cannot be done now, which is logged. */
  #program(grant: string): Program | null {
    try {
      return this.#terms.program();
    } catch (error) {
      this.#terms.log.error({ grant, err: error }, 'stdio server: could not be started as the config says');
      return null;
    }
  }

  /** Forgets the session at once; resolves when its process has exited. */
  async end(session: StdioSession): Promise<void> {
    this.#live.delete(session.id);
    await session.end();
  }

  /** Ends the sessions of all other grants, without patience: their processes are asked to end at once. */
  keepGrants(keeps: (grant: string) => boolean): void {
    for (const session of this.#live.values()) {
      if (keeps(session.grant)) continue;
      this.#live.delete(session.id);
      void session.end(true);
    }
  }

  /** Ends all sessions and waits for their processes, at most about six seconds. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const session of this.#live.values()) void this.end(session);
    while (this.#exits.size > 0) await Promise.all(this.#exits);
  }

  #register(session: StdioSession, child: Child): void {
    const { log } = this.#terms;
    log.info({ grant: session.grant, pid: child.pid }, 'stdio server: started');
    this.#live.set(session.id, session);
    this.#timer ??= setInterval(() => this.#endIdle(), Math.min(this.#terms.idleMs / 4, CHECK_EVERY_MS)).unref();
    const exit = child.exited.then((ended) => {
      this.#live.delete(session.id);
      this.#exits.delete(exit);
      this.#count(session.grant, -1);
      this.#tellEnd(session, child, ended);
    });
    this.#exits.add(exit);
  }

  #tellEnd(session: StdioSession, child: Child, ended: ChildExit): void {
    const { log, onFailure } = this.#terms;
    const fields = { grant: session.grant, pid: child.pid, ...ended };
    const { asked, code, signal } = ended;
    if (asked) log.info(fields, 'stdio server: ended');
    else if (onFailure) onFailure({ code, signal, answered: session.version !== null, said: child.said });
    else log.warn(fields, 'stdio server: ended by itself');
  }

  #endIdle(): void {
    const now = this.#terms.clock.now().getTime();
    for (const session of this.#live.values()) {
      session.prune(now);
      if (session.idle(now, this.#terms.idleMs)) void this.end(session);
    }
  }

  #count(grant: string, change: 1 | -1): void {
    const children = (this.#children.get(grant) ?? 0) + change;
    if (children > 0) this.#children.set(grant, children);
    else this.#children.delete(grant);
    if (this.#children.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}
