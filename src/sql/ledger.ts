import { type Kysely, sql } from 'kysely';
import type { Ledger, Seals } from '../ports.ts';
import { guarded } from './connection/guard.ts';
import { chainEnds, readBacklog } from './log/backlog.ts';
import { sealedEvents, unsealedEvents } from './log/chained.ts';
import { changeKey } from './log/change-key.ts';
import { chainHashes, coveringCheckpoint, readCheckpoints, saveCheckpoint, unsignedHead } from './log/checkpoints.ts';
import { keepLinks, knownCuts, logOctets, readLink, readUpTo, removeCut, segmentEnd } from './log/cuts.ts';
import { readKeyEvents } from './log/keys.ts';
import { recordCut } from './log/record-cut.ts';
import { moveSink, sinkCursor } from './log/sinks.ts';
import { stayingEvents } from './log/staying.ts';
import type { Tables } from './table/tables.ts';

/** The `Ledger` port: the log as a chain. `seals`: null where it is only read. */
export function sqlLedger(db: Kysely<Tables>, seals: Seals | null): Ledger {
  return guarded<Ledger>({
    chain: (after, limit, look = { phrases: true }) => sealedEvents(db, seals, after, limit, look),
    unsealed: (after, limit) => unsealedEvents(db, seals, after, limit),
    ends: () => chainEnds(db),
    unsigned: (before) => unsignedHead(db, before ?? null),
    saveCheckpoint: (signed, event) => {
      if (seals === null) throw new Error('this log was opened to be read');
      return saveCheckpoint(db, seals, signed, event);
    },
    logId: async () => {
      // A log of a release before ids may have no such table yet; it is only read here.
      const there = await sql<{ there: boolean }>`select to_regclass('holdfast.epoch') is not null as there`.execute(
        db,
      );
      if (!there.rows[0]?.there) return null;
      return (await db.selectFrom('holdfast.epoch').select('log').executeTakeFirst())?.log ?? null;
    },
    keyEvents: async (upTo) => (await readKeyEvents(db, seals, upTo)).events,
    changeKey: (to, event) => {
      if (seals === null) throw new Error('this log was opened to be read');
      return changeKey(db, seals, to, event);
    },
    checkpoints: (after, upTo) => readCheckpoints(db, after, upTo),
    covering: (seq) => coveringCheckpoint(db, seq),
    hashes: (after, upTo) => chainHashes(db, after, upTo),
    sinkCursor: (name) => sinkCursor(db, name),
    moveSink: (name, from, to, failures) => moveSink(db, name, from, to, failures),
    cuts: () => knownCuts(db, seals),
    segmentEnd: (after, bounds) => segmentEnd(db, after, bounds),
    readUpTo: (sink) => readUpTo(db, sink),
    recordCut: (segment, event) => {
      if (seals === null) throw new Error('this log was opened to be read');
      return recordCut(db, seals, segment, event);
    },
    staying: (after, upTo, graceMs, limit) => stayingEvents(db, after, upTo, graceMs, limit),
    keepLinks: (links, first) => keepLinks(db, links, first),
    link: (seq) => readLink(db, seq),
    removeCut: (cut, after, most) => removeCut(db, cut, after, most),
    octets: () => logOctets(db),
    backlog: () => readBacklog(db, seals?.prefix ?? null),
  });
}
