import type { PGlite } from '@electric-sql/pglite';

/** How PGlite says that a statement failed, and that Postgres' own loop goes on. */
const STATEMENT_FAILED = 100;

/** The little of its WebAssembly module that is watched. */
interface Module {
  _PostgresMainLoopOnce(): void;
  _PostgresSendReadyForQueryIfNecessary(): void;
  stackRestore(at: unknown): void;
}

/**
 * Has `died` called when the Postgres inside ends itself: a log that cannot be written is a PANIC, whatever the reason.
 * PGlite takes that for a statement that failed and asks again for ever, in one turn of the event loop: the process
 * would answer nobody any more. From its death on every statement throws at once.
 */
export function watchDeath(pglite: PGlite, died: (why: Error) => void): void {
  const module = (pglite as unknown as { mod: Module }).mod;
  const { _PostgresMainLoopOnce: once, stackRestore, _PostgresSendReadyForQueryIfNecessary: sendReady } = module;
  let death: Error | null = null;
  module._PostgresMainLoopOnce = () => {
    if (death !== null) throw death;
    try {
      once();
    } catch (error) {
      if ((error as { status?: unknown }).status === STATEMENT_FAILED) throw error;
      death = new Error('the embedded database ended itself', { cause: error });
      died(death);
      throw error;
    }
  };
  // Called by PGlite before it would ask again: the only place from which that loop can be left.
  module.stackRestore = (at) => {
    if (death !== null) throw death;
    stackRestore(at);
  };
  module._PostgresSendReadyForQueryIfNecessary = () => {
    if (death === null) sendReady();
  };
}
