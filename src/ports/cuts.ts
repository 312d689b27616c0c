import type { SignedCheckpoint } from '../domain/log/checkpoint.ts';
import type { Cut } from '../domain/log/cut.ts';
import type { NewEvent } from '../domain/log/event.ts';

/** A cut that the log names. */
export interface KnownCut extends Cut {
  /** The cursor of its event, and its place in the chain; null: it is not chained yet. */
  readonly n: number;
  readonly seq: number | null;
  /** A checkpoint covers its event: what it names may go. */
  readonly covered: boolean;
}

/** An event that stays in the database although those around it go. */
export interface StayingEvent {
  readonly seq: number;
  readonly hash: string;
  readonly previous: string | null;
  readonly text: string;
}

/** The proof that such an event was in the log, kept because what it could be made of is gone. */
export interface KeptLink {
  readonly seq: number;
  /** The hash of the event before it. */
  readonly previous: string;
  /** Place of the checkpoint over it, and its path to that one's root; null and empty: that has no root. */
  readonly checkpoint: number | null;
  readonly path: readonly string[];
}

/** What cutting the log needs of it. */
export interface CutLedger {
  /** Those that a gateway wrote, newest first. */
  cuts(): Promise<readonly KnownCut[]>;
  /**
   * The checkpoint at which a segment after `after` ends: the last one up to `upTo` and signed before `before` within so
   * many events and octets of texts; where there is none, the first one. null: there is none at all.
   */
  segmentEnd(
    after: number,
    bounds: { readonly upTo: number; readonly before: Date; readonly events: number; readonly octets: number },
  ): Promise<(SignedCheckpoint & { readonly seq: number }) | null>;
  /** The place up to which all who read the log in its order have read it. `sink`: the one that is configured. */
  readUpTo(sink: string | null): Promise<number>;
  /** Writes the event of this cut. False: one of this number, or a later one, is written already. */
  recordCut(segment: number, event: NewEvent): Promise<boolean>;
  /**
   * Of the events after `after` and up to `upTo`, those that decide something as long as the log lasts, of approvals whose
   * pass may still be good (their time was over less than `graceMs` ago), and each server's newest list of tools; in order.
   */
  staying(after: number, upTo: number, graceMs: number, limit: number): Promise<readonly StayingEvent[]>;
  /** Events with a link stay. That of the first event after the cut is kept, too. */
  keepLinks(links: readonly KeptLink[], first: Pick<KeptLink, 'previous' | 'seq'>): Promise<void>;
  link(seq: number): Promise<KeptLink | null>;
  /**
   * Deletes, of what this cut names, at most so many events after `after` that have no link, and checkpoints that no link
   * leads to. `last`: the place up to which it came; null: nothing was left.
   */
  removeCut(
    cut: Pick<KnownCut, 'n' | 'to'>,
    after: number,
    most: number,
  ): Promise<{ readonly removed: number; readonly last: number | null }>;
  /** Octets that the log's tables and their indexes take. */
  octets(): Promise<number>;
}

/** What a segment's file is when it was written. */
export interface WrittenSegment {
  readonly file: string;
  readonly octets: number;
  /** Hex. */
  readonly sha256: string;
  /** Octets of its lines. */
  readonly unpacked: number;
}

/** A file of a segment while it is read. */
export interface OpenSegment {
  /** Its lines in their order, several at a time. Throws where the file is not packed lines, or is gone. */
  readonly portions: AsyncIterable<readonly string[]>;
  /** What was read, once all lines were. */
  measured(): { readonly octets: number; readonly sha256: string };
}

/** Where segments of the log are kept once they leave the database. */
export interface Archive {
  /** How operators name it. */
  readonly name: string;
  /** The line of a head; null: there is none of this log and number. */
  head(log: string, segment: number): Promise<string | null>;
  /** Packs and writes lines durably, under a name that depends on what they are. */
  write(log: string, segment: number, lines: AsyncIterable<string>): Promise<WrittenSegment>;
  read(file: string): OpenSegment;
  /** Keeps a head durably. False: there is one of this number already, and it stays. */
  publish(log: string, segment: number, line: string): Promise<boolean>;
}
