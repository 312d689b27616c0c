import { joinInTurns } from '../../bytes/join.ts';
import type { Json } from '../../domain/json/json.ts';
import { type ByteSpan, elementsIn, placesIn } from '../json/find.ts';
import { OPEN_ARRAY } from '../json/text.ts';
import type { GovernedList } from '../upstream/server.ts';

/** The lists of results that are edited. */
type ListName = GovernedList | 'tools';

/** Longest entry of a list that is read, in bytes: a tool, with its schema. */
export const LONGEST_ENTRY = 256 * 1024;

/** What becomes of one entry of a list: null: it is cut out; a text takes its place; undefined: it stays. */
export type EntryEdit = (list: ListName, text: string, entry: Json) => string | null | undefined;

const LISTS: readonly ListName[] = ['tools', 'resources', 'resourceTemplates', 'prompts'];
const ASKED = [...LISTS, 'cacheScope', 'nextCursor'].map((name) => ['result', name]);
const PUBLIC = '"public"';
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });
const ENCODER = new TextEncoder();

/**
 * An answer of any length with lists, edited entry by entry, as `withoutHidden` and `advertisement` do it with a short
 * one. Null: nothing changes. `no_json`: it is none. Reads in pieces.
 */
export async function editLargeList(bytes: Uint8Array, edit: EntryEdit): Promise<Uint8Array | null | 'no_json'> {
  const places = await placesIn(bytes, ASKED);
  if (places === null) return 'no_json';
  const edits: (ByteSpan & { readonly bytes: Uint8Array })[] = [];
  let isShortened = false;
  for (const name of LISTS) {
    const list = places.get(`result ${name}`);
    if (list === undefined) continue;
    const edited = await editedList(bytes, list, (text, entry) => edit(name, text, entry));
    if (edited === null) continue;
    isShortened ||= edited.isShortened;
    edits.push({ ...list, bytes: await joinInTurns(edited.parts) });
  }
  if (edits.length === 0) return null;
  const scope = places.get('result cacheScope');
  const isPublic = scope !== undefined && UTF8.decode(bytes.subarray(scope.start, scope.end)) === PUBLIC;
  if (isShortened && isPublic) edits.push({ ...scope, bytes: ENCODER.encode('"private"') });
  return replaced(bytes, edits);
}

const OPENED = ENCODER.encode('[');
const NEXT = ENCODER.encode(',');
const CLOSED = ENCODER.encode(']');

/**
 * The list as it is after its edits; null: nothing changes. Entries that stay and follow each other are one part, with
 * what is between them: a part for each of many thousands would be much garbage.
 */
async function editedList(
  bytes: Uint8Array,
  list: ByteSpan,
  edit: (text: string, entry: Json) => string | null | undefined,
): Promise<{ readonly parts: readonly Uint8Array[]; readonly isShortened: boolean } | null> {
  const parts: Uint8Array[] = [];
  let [isShortened, isEdited] = [false, false];
  let staying: { start: number; end: number } | null = null;
  const put = (part: Uint8Array): void => {
    parts.push(parts.length === 0 ? OPENED : NEXT, part);
  };
  const endStaying = (): void => {
    if (staying !== null) put(bytes.subarray(staying.start, staying.end));
    staying = null;
  };
  for await (const { start, end } of elementsIn(bytes, list)) {
    const edited = editedEntry(bytes.subarray(start, end), edit);
    if (edited === undefined) {
      staying = { start: (staying as ByteSpan | null)?.start ?? start, end };
      continue;
    }
    endStaying();
    isEdited = true;
    if (edited === null) isShortened = true;
    else put(ENCODER.encode(edited));
  }
  endStaying();
  if (!isEdited) return null;
  parts.push(...(parts.length === 0 ? [OPENED] : []), CLOSED);
  return { parts, isShortened };
}

/** An entry that is too long to be judged is cut out. */
function editedEntry(
  entry: Uint8Array,
  edit: (text: string, entry: Json) => string | null | undefined,
): string | null | undefined {
  if (entry.length > LONGEST_ENTRY) return null;
  const text = UTF8.decode(entry);
  return edit(text, JSON.parse(text) as Json);
}

function replaced(
  bytes: Uint8Array,
  edits: readonly (ByteSpan & { readonly bytes: Uint8Array })[],
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    parts.push(bytes.subarray(at, edit.start), edit.bytes);
    at = edit.end;
  }
  parts.push(bytes.subarray(at));
  return joinInTurns(parts);
}

/** The tools of such an answer, as many as `most`, and the cursor of its next page. Null: it is no such answer. */
export async function readLargeList(
  bytes: Uint8Array,
  most: number,
): Promise<{ readonly tools: readonly Json[]; readonly next: string | null } | null> {
  const places = await placesIn(bytes, ASKED);
  const list = places?.get('result tools');
  if (list === undefined || bytes[list.start] !== OPEN_ARRAY) return null;
  const tools: Json[] = [];
  for await (const { start, end } of elementsIn(bytes, list)) {
    if (end - start > LONGEST_ENTRY) continue;
    tools.push(JSON.parse(UTF8.decode(bytes.subarray(start, end))) as Json);
    if (tools.length === most) break;
  }
  const cursor = places?.get('result nextCursor');
  const next =
    cursor === undefined ? null : (JSON.parse(UTF8.decode(bytes.subarray(cursor.start, cursor.end))) as Json);
  return { tools, next: typeof next === 'string' ? next : null };
}
