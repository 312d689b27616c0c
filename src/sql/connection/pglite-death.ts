import type { PGlite } from '@electric-sql/pglite';

/** The status with which PGlite reports that a statement failed and that Postgres' own loop goes on. */
const STATEMENT_FAILED = 100;

/** The few functions of its WebAssembly module that are watched. */
interface PostgresModule {
  _PostgresMainLoopOnce(): void;
  _PostgresSendReadyForQueryIfNecessary(): void;
  stackRestore(at: unknown): void;
}

/**
 * Calls `died` when the Postgres inside ends itself: a log that cannot be written is a PANIC, whatever the reason.
 * PGlite takes that for a failed statement and asks again for ever, in one turn of the event loop, so that the process
 * would answer nobody any more. From its death on every statement throws at once.
 */
export function watchDeath(pglite: PGlite, died: (why: Error) => void): void {
  const module = (pglite as unknown as { mod: PostgresModule }).mod;
  const { _PostgresMainLoopOnce: runOnce, stackRestore, _PostgresSendReadyForQueryIfNecessary: sendReady } = module;
  let death: Error | null = null;
  module._PostgresMainLoopOnce = () => {
    if (death !== null) throw death;
    try {
      runOnce();
    } catch (error) {
      if ((error as { status?: unknown }).status === STATEMENT_FAILED) throw error;
      death = new Error('the embedded database ended itself', { cause: error });
      died(death);
      throw error;
    }
  };
  // PGlite calls this before it would ask again: the only place from which that loop can be left.
  module.stackRestore = (at) => {
    if (death !== null) throw death;
    stackRestore(at);
  };
  module._PostgresSendReadyForQueryIfNecessary = () => {
    if (death === null) sendReady();
  };
}
