import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { NewEvent } from '../../domain/event.ts';
import { type JsonObject, member } from '../../domain/json.ts';

/** Phrases remembered at most; others are made anew. */
const REMEMBERED = 5_000;
/** Milliseconds for which a phrase that was written counts as there. */
const WRITTEN_MS = 10 * 60_000;

const HEX = /^[0-9a-f]{64}$/;

/**
 * What the event of a plainly allowed call says beside its time and its fingerprint. Thousands say the same, so it is
 * put into canonical form once, and its words are indexed once.
 */
export interface Phrase {
  /** 63 bits of the SHA-256 of the words, as `bigint` takes them. */
  readonly id: string;
  /** What reviewers find it by; the words that `holdfast.words` gives such an event. */
  readonly words: string;
  /** Milliseconds since the epoch until which it need not be written again. */
  writtenUntil: number;
  /** The event's canonical text. */
  body(at: string, fingerprint: string): string;
}

/** The phrases of this process. */
export class PhraseCache {
  readonly #known = new Map<string, Phrase>();

  /** null: an event that has words of its own. */
  of(event: NewEvent): Phrase | null {
    const key = keyOf(event);
    if (key === null) return null;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const fresh = phraseOf(event);
    this.#known.set(key, fresh);
    if (this.#known.size > REMEMBERED) this.#known.delete(this.#known.keys().next().value!);
    return fresh;
  }
}

export function markWritten(phrase: Phrase, now: number): void {
  phrase.writtenUntil = now + WRITTEN_MS;
}

/** null: it says something that such events do not. */
function keyOf({ type, approval, actor, server, tool, grant, replica, data }: NewEvent): string | null {
  if (type !== 'call.allowed' || approval !== null || !HEX.test(String(data.fingerprint))) return null;
  let members = 0;
  for (const _ in data) members += 1;
  if (members !== 5) return null;
  const { policy, rule, decidedBy, session } = data;
  if (typeof rule !== 'string' || typeof decidedBy !== 'string') return null;
  return [actor, server, tool, grant, replica, policy, rule, decidedBy, session].join('\n');
}

function phraseOf(event: NewEvent): Phrase {
  const words = phraseWords(event);
  const text = canonicalize({ ...event, at: '@', data: { ...event.data, fingerprint: '@' } })!;
  // Inside a string each quote has a backslash before it: what is looked for here can only be the members.
  const [head, rest] = cut(text, '"at":"');
  const [middle, tail] = cut(rest, '"fingerprint":"');
  return {
    id: phraseId(words),
    words,
    writtenUntil: 0,
    body: (at, fingerprint) => `${head}${at}${middle}${fingerprint}${tail}`,
  };
}

/** The words of an event, as it is or as its text says it. */
export function phraseWords(event: Pick<NewEvent, 'data'> | JsonObject): string {
  const [data, about] = [member(event, 'data'), ['type', 'server', 'tool', 'grant']];
  return [
    ...about.map((name) => member(event, name)),
    ...['rule', 'decidedBy', 'session'].map((name) => member(data, name)),
  ]
    .filter((word) => word !== null && word !== undefined)
    .join(' ')
    .replaceAll(/\p{Cc}/gu, ' ');
}

export function phraseId(words: string): string {
  return createHash('sha256').update(words).digest().readBigInt64BE().toString();
}

function cut(text: string, member: string): [string, string] {
  const at = text.indexOf(`${member}@"`);
  if (at < 0) throw new Error(`an event without ${member}`);
  const end = at + member.length;
  return [text.slice(0, end), text.slice(end + 1)];
}
