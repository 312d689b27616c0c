import { sql } from 'kysely';
import type { JsonObject } from '../../domain/json/json.ts';
import type { Db } from '../table/tables.ts';
import { phraseId, phraseWords } from './phrases.ts';

interface PhrasedEvent {
  readonly n: string;
  readonly type: string;
  readonly body: string;
  readonly phrase: string | null;
}

/**
 * The numbers of those events that a search for words would miss or find wrongly: their phrase does not follow from
 * their text, or is not in the table with its words. Each phrase is computed and looked up once, however many events
 * have it.
 */
export async function misphrased(db: Db, events: readonly PhrasedEvent[]): Promise<ReadonlySet<string>> {
  const wrong = new Set<string>();
  const phrases = new Map<string, { readonly words: string; readonly events: string[] }>();
  const ids = new Map<string, string>();
  for (const { n, type, body, phrase } of events) {
    if (phrase === null) continue;
    const common = commonPart(body);
    const words = ids.has(common) ? null : phraseWords(JSON.parse(body) as JsonObject);
    if (words !== null) ids.set(common, phraseId(words));
    const known = phrases.get(phrase);
    if (type !== 'call.allowed' || ids.get(common) !== phrase) wrong.add(n);
    else if (known !== undefined) known.events.push(n);
    else phrases.set(phrase, { words: words ?? phraseWords(JSON.parse(body) as JsonObject), events: [n] });
  }
  if (phrases.size === 0) return wrong;
  const expected = [...phrases];
  const right = await sql<{ id: string }>`
    select p.id::text from unnest(${expected.map(([id]) => id)}::bigint[], ${expected.map(([, { words }]) => words)}::text[]) as s(id, words)
    join holdfast.phrases p on p.id = s.id and p.words = to_tsvector('pg_catalog.simple', s.words)`.execute(db);
  const rightIds = new Set(right.rows.map(({ id }) => id));
  for (const [id, { events }] of expected) if (!rightIds.has(id)) for (const n of events) wrong.add(n);
  return wrong;
}

/**
 * The text without its time and its fingerprint. A quote inside a string is escaped, so these can only be the members.
 */
function commonPart(body: string): string {
  const at = body.indexOf('"at":"') + 6;
  const print = body.indexOf('"fingerprint":"', at) + 15;
  return `${body.slice(0, at)}${body.slice(at + 24, print)}${body.slice(print + 64)}`;
}
