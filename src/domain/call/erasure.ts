import { type Json, type JsonObject, member } from '../json/json.ts';

/** That somebody had erased what a call says. */
export interface Erasure {
  /** The actor of the event. */
  readonly by: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly reason: string;
}

export function erasureJson({ by, at, reason }: Erasure): JsonObject {
  return { by, at, reason };
}

/** null: it is none. */
export function readErasure(value: Json): Erasure | null {
  const [by, at, reason] = [member(value, 'by'), member(value, 'at'), member(value, 'reason')];
  return typeof by === 'string' && typeof at === 'string' && typeof reason === 'string' ? { by, at, reason } : null;
}

/** For people. */
export function erasureWords({ by, at, reason }: Erasure): string {
  return `erased by ${by} on ${at.slice(0, 10)}: ${reason}`;
}
