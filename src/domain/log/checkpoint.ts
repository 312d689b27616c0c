import { isObject, type Json, type JsonObject, member } from '../json/json.ts';

/** What a gateway vouches for: the state of the chain when it signed. */
export interface Checkpoint {
  /** 1: from before logs had an id. 2: from before checkpoints had a root. */
  readonly v: 1 | 2 | 3;
  /** The log's id; null in version 1. */
  readonly log: string | null;
  /** Place of the last event that the checkpoint before covers; null before version 3. */
  readonly since: number | null;
  /**
   * Root of the Merkle tree (RFC 9162) over the hashes of the events after `since`, up to `seq`: proves that one event is
   * among them without the others. null before version 3.
   */
  readonly root: string | null;
  /** The last sealed event, and its hash. */
  readonly seq: number;
  readonly hash: string;
  /** Events sealed so far. */
  readonly count: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** The Ed25519 public key that signed, 64 hex digits. */
  readonly key: string;
  /** Hex SHA-256 of the checkpoint before it; null for the first. */
  readonly previous: string | null;
}

/** A checkpoint as it is stored and exported: its canonical text (RFC 8785) and the signature over it. */
export interface SignedCheckpoint {
  readonly text: string;
  /** Ed25519 over the text, hex. */
  readonly signature: string;
}

/** What every version has. */
type Rootless = Omit<Checkpoint, 'root' | 'since'>;

/** RFC 8785: members sorted by name; no value needs escaping. */
export function checkpointText(checkpoint: Rootless & Partial<Checkpoint>): string {
  const { at, count, hash, key, log, previous, root, seq, since, v } = checkpoint;
  const head = { at, count, hash, key, ...(v === 1 ? {} : { log }), previous };
  return JSON.stringify(v === 3 ? { ...head, root, seq, since, v } : { ...head, seq, v });
}

/** The line of a checkpoint in an export, in `checkpoints.jsonl` and on standard output. */
export function checkpointLine({ text, signature }: SignedCheckpoint): string {
  return `{"checkpoint":${text},"signature":"${signature}"}`;
}

/** Parses a checkpoint's text; null when it is not a checkpoint of a version that is known. */
export function readCheckpoint(text: string): Checkpoint | null {
  let parsed: Json;
  try {
    parsed = JSON.parse(text) as Json;
  } catch {
    return null;
  }
  if (!isObject(parsed)) return null;
  const { at, count, hash, key, previous, seq } = parsed;
  const v = member(parsed, 'v');
  const named = v === 1 ? unnamed(parsed) : v === 2 || v === 3 ? namedIn(parsed, v) : null;
  if (named === null) return null;
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(count)) return null;
  if (typeof at !== 'string' || typeof hash !== 'string' || typeof key !== 'string') return null;
  if (previous !== null && typeof previous !== 'string') return null;
  if (named.since !== null && named.since >= (seq as number)) return null;
  return { ...named, seq: seq as number, hash, count: count as number, at, key, previous };
}

type Named = Pick<Checkpoint, 'log' | 'root' | 'since' | 'v'>;

function unnamed(parsed: JsonObject): Named | null {
  return member(parsed, 'log') === undefined ? { v: 1, log: null, since: null, root: null } : null;
}

function namedIn(parsed: JsonObject, v: 2 | 3): Named | null {
  const [log, since, root] = [member(parsed, 'log'), member(parsed, 'since'), member(parsed, 'root')];
  if (typeof log !== 'string' || log === '') return null;
  if (v === 2) return since === undefined && root === undefined ? { v, log, since: null, root: null } : null;
  if (!Number.isSafeInteger(since) || (since as number) < 0) return null;
  if (typeof root !== 'string' || !/^[0-9a-f]{64}$/.test(root)) return null;
  return { v, log, since: since as number, root };
}
