import type { Kysely } from 'kysely';
import type { Ledger, Seals } from '../ports.ts';
import { guarded } from './connection/guard.ts';
import { chainEnds, readBacklog } from './log/backlog.ts';
import { sealedEvents, unsealedEvents } from './log/chained.ts';
import { readCheckpoints, saveCheckpoint, unsignedHead } from './log/checkpoints.ts';
import { moveSink, sinkCursor } from './log/sinks.ts';
import type { Tables } from './table/tables.ts';

/** The `Ledger` port: the log as a chain. `seals`: null where it is only read. */
export function sqlLedger(db: Kysely<Tables>, seals: Seals | null): Ledger {
  return guarded<Ledger>({
    chain: (after, limit, look = { phrases: true }) => sealedEvents(db, seals, after, limit, look.phrases),
    unsealed: (after, limit) => unsealedEvents(db, seals, after, limit),
    ends: () => chainEnds(db),
    unsigned: (before) => unsignedHead(db, before ?? null),
    saveCheckpoint: (signed, event) => {
      if (seals === null) throw new Error('this log was opened to be read');
      return saveCheckpoint(db, seals, signed, event);
    },
    checkpoints: (after, upTo) => readCheckpoints(db, after, upTo),
    sinkCursor: (name) => sinkCursor(db, name),
    moveSink: (name, from, to, failures) => moveSink(db, name, from, to, failures),
    backlog: () => readBacklog(db),
  });
}
