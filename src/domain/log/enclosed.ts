import type { Erasure } from '../call/erasure.ts';
import { canonical } from '../json/canonical.ts';
import { isObject, type Json, type JsonObject, member } from '../json/json.ts';

/**
 * Of an event's data, what can be erased later stands in the log as ciphertext, under a key of its approval's own. Beside it
 * stands a commitment: the SHA-256 of a random salt and that data. Whoever is shown both can tell that they are what was
 * logged, and once the key is gone nobody can try guesses, because the salt is in the ciphertext too.
 */
export interface Enclosed {
  /** The ciphertext. */
  readonly box: string;
  /** Hex SHA-256 of `commitmentText`. */
  readonly commitment: string;
}

/** What was enclosed, for somebody who may see it. */
export interface Disclosed {
  readonly commitment: string;
  /** 64 hex digits. */
  readonly salt: string;
  readonly data: JsonObject;
}

/** The member of an event's `data` under which it stands. */
export const ENCLOSED = 'enclosed';

/** Of these types' data these members are about the person or customer that a call is about; nothing else is enclosed. */
const ERASABLE: Readonly<Record<string, readonly string[]>> = {
  'approval.requested': ['arguments', 'sent', 'statedReason', 'asked'],
  'approval.joined': ['statedReason'],
  'approval.described': ['unusual'],
  'answer.given': ['answers'],
};

/** The types whose events may hold it. */
export const ERASABLE_TYPES: readonly string[] = Object.keys(ERASABLE);

function erasableIn(type: string): readonly string[] {
  return Object.hasOwn(ERASABLE, type) ? ERASABLE[type]! : [];
}

/** What of an event's data can be erased, and the rest. null: nothing can. */
export function erasablePart(type: string, data: JsonObject): { taken: JsonObject; rest: JsonObject } | null {
  const names = erasableIn(type);
  const taken: Record<string, Json> = {};
  const rest: Record<string, Json> = {};
  for (const [name, value] of Object.entries(data)) {
    if (names.includes(name)) taken[name] = value;
    else rest[name] = value;
  }
  return Object.values(taken).some(says) ? { taken, rest } : null;
}

function says(value: Json): boolean {
  if (value === null) return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

export function enclosedIn(data: Json): Enclosed | null {
  const enclosed = member(data, ENCLOSED) ?? null;
  const [box, commitment] = [member(enclosed, 'box'), member(enclosed, 'commitment')];
  if (typeof box !== 'string' || typeof commitment !== 'string' || !SHA256.test(commitment)) return null;
  return { box, commitment };
}

const SHA256 = /^[0-9a-f]{64}$/;

/** The event to which a ciphertext and a commitment are bound. */
export interface EnclosedIn {
  readonly approval: string;
  readonly type: string;
}

export function boxName({ approval, type }: EnclosedIn): string {
  return `${approval}\n${type}`;
}

/** What the commitment is the SHA-256 of. */
export function commitmentText({ approval, type }: EnclosedIn, { salt, data }: Omit<Disclosed, 'commitment'>): string {
  return `holdfast enclosed\n${approval}\n${type}\n${salt}\n${canonical(data)}`;
}

/** What is encrypted. */
export function boxText({ salt, data }: Omit<Disclosed, 'commitment'>): string {
  return canonical({ data, salt });
}

/** null: it is not what `boxText` writes. */
export function readBoxText(text: string): Omit<Disclosed, 'commitment'> | null {
  try {
    return readDisclosed({ ...(JSON.parse(text) as JsonObject), commitment: '' });
  } catch {
    return null;
  }
}

/** From a file; null: it is none. Whether it is what was logged, its commitment tells. */
export function readDisclosed(value: Json): Disclosed | null {
  const [commitment, salt, data] = [member(value, 'commitment'), member(value, 'salt'), member(value, 'data')];
  if (typeof commitment !== 'string' || typeof salt !== 'string' || !SHA256.test(salt)) return null;
  return data !== undefined && isObject(data) ? { commitment, salt, data } : null;
}

/** The data as it would be if nothing were enclosed. Only what can be enclosed is taken from what is disclosed. */
export function withDisclosed(type: string, data: JsonObject, disclosed: JsonObject): JsonObject {
  const names = erasableIn(type);
  const own = Object.entries(disclosed).filter(([name]) => names.includes(name));
  return { ...withoutBox(data), ...Object.fromEntries(own) };
}

/** The data without its ciphertext, which tells nobody anything. */
export function withoutBox({ [ENCLOSED]: _, ...rest }: JsonObject): JsonObject {
  return rest;
}

/** What an event says of an erasure; null: it is about something else. */
export function erasureIn(event: {
  readonly type: string;
  readonly at: string;
  readonly actor: string;
  readonly data: JsonObject;
}): Erasure | null {
  if (event.type !== 'data.erased') return null;
  const { reason } = event.data;
  return { by: event.actor, at: event.at, reason: typeof reason === 'string' ? reason : '' };
}

/** What an event's canonical text encloses, and in what; null: nothing. */
export function enclosedInText(text: string): (EnclosedIn & { readonly enclosed: Enclosed }) | null {
  if (!text.includes(MARK)) return null;
  let event: Json;
  try {
    event = JSON.parse(text) as Json;
  } catch {
    return null;
  }
  const [approval, type] = [member(event, 'approval'), member(event, 'type')];
  const enclosed = enclosedIn(member(event, 'data') ?? null);
  return enclosed === null || typeof approval !== 'string' || typeof type !== 'string'
    ? null
    : { approval, type, enclosed };
}

const MARK = `"${ENCLOSED}":{"box":`;

/** Whether this is what the event with this text encloses. */
export function isDisclosed(proof: { sha256(text: string): string }, text: string, disclosed: Disclosed): boolean {
  const found = enclosedInText(text);
  if (found === null || found.enclosed.commitment !== disclosed.commitment) return false;
  return proof.sha256(commitmentText(found, disclosed)) === disclosed.commitment;
}
