import { createHash } from 'node:crypto';
import { canonical } from '../../domain/json/canonical.ts';
import { type JsonObject, member } from '../../domain/json/json.ts';
import type { NewEvent } from '../../domain/log/event.ts';

/** Phrases that are remembered at most; others are made again. */
const REMEMBERED = 5_000;
/** Milliseconds for which a written phrase is taken to be in the table. */
const WRITTEN_MS = 10 * 60_000;

const SHA_256_HEX = /^[0-9a-f]{64}$/;

/**
 * What the event of a plainly allowed call says apart from its time and its fingerprint. Thousands of events say the
 * same, so it is put into canonical form once, and its words are indexed once.
 */
export interface Phrase {
  /** The first 64 bits of the words' SHA-256, as a signed `bigint` in decimal. */
  readonly id: string;
  /** What reviewers find it by: the words that `holdfast.words` finds in such an event. */
  readonly words: string;
  /** Milliseconds since the epoch until which it need not be written again. */
  writtenUntil: number;
  /** Another phrase has its id, so that its events keep their own words. Whoever names tools can search for such names. */
  collides: boolean;
  /** The event's canonical text. */
  body(at: string, fingerprint: string): string;
}

/** The phrases that this process knows. */
export class PhraseCache {
  readonly #phrases = new Map<string, Phrase>();

  /** null: the event's words are its own. */
  of(event: NewEvent): Phrase | null {
    const key = keyOf(event);
    if (key === null) return null;
    const known = this.#phrases.get(key);
    if (known !== undefined) return known;
    const phrase = phraseOf(event);
    this.#phrases.set(key, phrase);
    if (this.#phrases.size > REMEMBERED) this.#phrases.delete(this.#phrases.keys().next().value!);
    return phrase;
  }
}

export function markWritten(phrase: Phrase, now: number): void {
  phrase.writtenUntil = now + WRITTEN_MS;
}

/** null: not the event of a plainly allowed call, or with something in it that these do not have. */
function keyOf({ type, approval, actor, server, tool, grant, replica, data }: NewEvent): string | null {
  if (type !== 'call.allowed' || approval !== null || !SHA_256_HEX.test(String(data.fingerprint))) return null;
  let members = 0;
  for (const _ in data) members += 1;
  if (members !== 5) return null;
  const { policy, rule, decidedBy, session } = data;
  if (typeof rule !== 'string' || typeof decidedBy !== 'string') return null;
  // A name may hold a line break, and no two events may have one key.
  return JSON.stringify([actor, server, tool, grant, replica, policy, rule, decidedBy, session]);
}

function phraseOf(event: NewEvent): Phrase {
  const words = phraseWords(event);
  const text = canonical({ ...event, at: '@', data: { ...event.data, fingerprint: '@' } });
  // Inside a string every quote has a backslash before it, so these two can only be members.
  const [head, rest] = cut(text, '"at":"');
  const [middle, tail] = cut(rest, '"fingerprint":"');
  return {
    id: phraseId(words),
    words,
    writtenUntil: 0,
    collides: false,
    body: (at, fingerprint) => `${head}${at}${middle}${fingerprint}${tail}`,
  };
}

/** The words of an event's phrase, from the event or from its text. */
export function phraseWords(event: Pick<NewEvent, 'data'> | JsonObject): string {
  const data = member(event, 'data');
  return [
    ...['type', 'server', 'tool', 'grant'].map((name) => member(event, name)),
    ...['rule', 'decidedBy', 'session'].map((name) => member(data, name)),
  ]
    .filter((word) => word !== null && word !== undefined)
    .join(' ')
    .replaceAll(/\p{Cc}/gu, ' ');
}

export function phraseId(words: string): string {
  return createHash('sha256').update(words).digest().readBigInt64BE().toString();
}

/** The text before and after the placeholder `@` of this member. */
function cut(text: string, member: string): [string, string] {
  const at = text.indexOf(`${member}@"`);
  if (at < 0) throw new Error(`an event without ${member}`);
  const end = at + member.length;
  return [text.slice(0, end), text.slice(end + 1)];
}
