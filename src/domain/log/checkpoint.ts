import { isObject, type Json, member } from '../json/json.ts';

/** What a gateway vouches for: the state of the chain when it signed. */
export interface Checkpoint {
  /** 1: from before logs had an id. */
  readonly v: 1 | 2;
  /** The log's id; null in version 1. */
  readonly log: string | null;
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

/** RFC 8785: members sorted by name; no value needs escaping. */
export function checkpointText({ at, count, hash, key, log, previous, seq, v }: Checkpoint): string {
  return JSON.stringify({ at, count, hash, key, ...(v === 1 ? {} : { log }), previous, seq, v });
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
  const [v, log] = [member(parsed, 'v'), member(parsed, 'log')];
  if (v === 2 ? typeof log !== 'string' || log === '' : v !== 1 || log !== undefined) return null;
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(count)) return null;
  if (typeof at !== 'string' || typeof hash !== 'string' || typeof key !== 'string') return null;
  if (previous !== null && typeof previous !== 'string') return null;
  const named = v === 2 ? ({ v, log: log as string } as const) : ({ v: 1, log: null } as const);
  return { ...named, seq: seq as number, hash, count: count as number, at, key, previous };
}
