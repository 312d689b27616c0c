import type { UnsentEnd } from '../approval/approval.ts';
import { isObject, type Json } from '../json/json.ts';

/*
 * The texts that witnesses keep, and that their seals cover. Dates are milliseconds since the epoch.
 */

/**
 * One sending of a gated call, or the end of its pass, as it is remembered outside the database. Its key is approval and
 * round: each is sent at most once (P2), and what has ended is not sent.
 */
export interface SpentPass {
  readonly approval: string;
  /** 0: the pass itself; n: the sending with the answer to the server's n-th question. */
  readonly round: number;
  /** The approval's revision once it was spent, or had ended. */
  readonly revision: number;
  /** When that was. */
  readonly at: Date;
  /** After this instant no store, however old, could let it be sent again. */
  readonly until: Date;
  readonly server: string;
  readonly tool: string;
  readonly grant: string;
  readonly fingerprint: string;
  /** Nothing was sent after all, and the pass was given back. */
  readonly returned: boolean;
  /** It was not sent: it has ended so, and is never to be sent. Absent: it was sent. Only of round 0. */
  readonly ended?: UnsentEnd;
}

/** What names an entry: approval and round. */
export function passKey({ approval, round }: Pick<SpentPass, 'approval' | 'round'>): string {
  return `${approval} ${round}`;
}

/** Whether it is a sending that was not given back. The database's revisions say nothing of that: who changes rows sets them. */
export function wasSent({ returned, ended }: Pick<SpentPass, 'ended' | 'returned'>): boolean {
  return !returned && ended === undefined;
}

/**
 * Whether the first says more than the second, which is of the same sending. That it was sent says more than that it has
 * ended: a witness that missed the sending may have taken the end.
 */
export function saysMore(one: SpentPass, other: SpentPass | undefined): boolean {
  if (other === undefined) return true;
  if (wasSent(other) && one.ended !== undefined) return false;
  if (wasSent(one) && other.ended !== undefined) return true;
  if (one.revision !== other.revision) return one.revision > other.revision;
  return one.returned && !other.returned;
}

export function passText(log: string, pass: SpentPass): string {
  const { approval, round, revision, at, until, server, tool, grant, fingerprint, returned, ended } = pass;
  return JSON.stringify([
    'pass',
    log,
    approval,
    round,
    revision,
    at.getTime(),
    until.getTime(),
    server,
    tool,
    grant,
    fingerprint,
    returned,
    ...(ended === undefined ? [] : [ended]),
  ]);
}

/** Null: it is none, or one of another log. */
export function readPass(log: string, text: string): SpentPass | null {
  const value = parsed(text);
  if (!Array.isArray(value) || value.length < 12 || value.length > 13 || value[0] !== 'pass' || value[1] !== log) {
    return null;
  }
  const [, , approval, round, revision, at, until, server, tool, grant, fingerprint, returned, ended] = value as [
    string,
    string,
    string,
    number,
    number,
    number,
    number,
    string,
    string,
    string,
    string,
    boolean,
    UnsentEnd?,
  ];
  return {
    ...{ approval, round, revision, at: new Date(at), until: new Date(until) },
    ...{ server, tool, grant, fingerprint, returned },
    ...(ended === undefined ? {} : { ended }),
  };
}

interface StateShape {
  readonly log: string;
  readonly accepted: number;
  readonly seq: number;
  readonly hash: string;
  readonly checkpoint: number;
  readonly sets: readonly {
    readonly name: string;
    readonly version: number;
    readonly count: number;
    readonly digest: string;
  }[];
  readonly settled: string | null;
}

export function stateEntry(state: StateShape): string {
  const sets = state.sets.map(({ name, version, count, digest }) => ({ name, version, count, digest }));
  const { log, accepted, seq, hash, checkpoint, settled } = state;
  return JSON.stringify({ kind: 'state', log, accepted, seq, hash, checkpoint, sets, settled });
}

/** Null: it is none, or one of another log. */
export function readState(log: string, text: string): StateShape | null {
  const value = parsed(text);
  if (!isObject(value) || value.kind !== 'state' || value.log !== log) return null;
  const { accepted, seq, hash, checkpoint, sets, settled } = value as unknown as StateShape;
  return { log, accepted, seq, hash, checkpoint, sets, settled };
}

/** Whether the first is later than the second: by what operators accepted, then by how far it came. */
export function isLater(one: StateShape, other: StateShape | null): boolean {
  if (other === null || one.accepted !== other.accepted) return other === null || one.accepted > other.accepted;
  if (one.seq !== other.seq) return one.seq > other.seq;
  if (one.checkpoint !== other.checkpoint) return one.checkpoint > other.checkpoint;
  return versions(one) > versions(other);
}

function versions({ sets }: StateShape): number {
  return sets.reduce((sum, { version }) => sum + version, 0);
}

/** The text that binds a database to a log. */
export function placeEntry(place: string, log: string): string {
  return JSON.stringify(['place', place, log]);
}

/** Null: it is of another place, or none. */
export function readPlace(place: string, text: string): string | null {
  const value = parsed(text);
  if (!Array.isArray(value) || value.length !== 3 || value[0] !== 'place' || value[1] !== place) return null;
  return typeof value[2] === 'string' ? value[2] : null;
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}
