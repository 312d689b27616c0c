import { concatBytes } from '../../bytes/join.ts';
import { type ByteSpan, placesIn } from '../json/find.ts';

/**
 * No two requests that a child may still answer have the same id, nor the same progress token. A client may give each of
 * its requests the same id, which over HTTP its connections keep apart; on a pipe nothing does. So an id that is taken
 * becomes one of the gateway's own, and everything that refers to it is renamed. Else a message stays as it is, byte for
 * byte.
 *
 * | message | to the child | back to the client |
 * |---|---|---|
 * | a client's request | `id` and `params._meta.progressToken` become own ones where they are taken | |
 * | its response | | `id` as the client wrote it |
 * | `notifications/progress` about it | | `params.progressToken` as the client wrote it |
 * | a client's `notifications/cancelled` | `params.requestId` as the child knows it; not sent where it fits no request, or several | |
 * | the server's own request, its answer, progress and cancellation | as they came: their ids are the child's | as they came |
 */
export class OwnIds {
  readonly #isTaken: (name: string) => boolean;
  #made = 0;

  constructor(isTaken: (name: string) => boolean) {
    this.#isTaken = isTaken;
  }

  /** The name under which the child gets to know what the client calls `text` (JSON text, as ids are compared). */
  nameFor(text: string): string {
    // What is no finite number has no text, and a server would answer null.
    let name = text;
    while (name === 'null' || this.#isTaken(name)) {
      this.#made += 1;
      name = `"holdfast-${this.#made}"`;
    }
    return name;
  }
}

/** How the client knows a request. */
export interface ClientIds {
  /** Its id as JSON text, exactly as the client wrote it. */
  readonly idText: string;
  /** Its progress token, likewise; null: it has none. */
  readonly tokenText: string | null;
}

/** How the child knows a request, as JSON texts; `token`: null, it has none. */
export interface ChildIds {
  readonly id: string;
  readonly token: string | null;
}

const ID = ['id'];
const TOKEN = ['params', '_meta', 'progressToken'];
const PROGRESS = ['params', 'progressToken'];
const CANCELLED = ['params', 'requestId'];
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });
const ENCODER = new TextEncoder();

/** A client's request as the child gets it, and how the client knows it. */
interface RenamedRequest {
  readonly bytes: Uint8Array;
  readonly ids: ClientIds;
}

/** A client's request under the names that the child gets to know. Reads in pieces. */
export async function requestForChild(bytes: Uint8Array, child: ChildIds): Promise<RenamedRequest> {
  const places = await placesIn(bytes, [ID, TOKEN]);
  const [id, token] = [places?.get(ID.join(' ')), child.token === null ? undefined : places?.get(TOKEN.join(' '))];
  const ids = { idText: textIn(bytes, id) ?? 'null', tokenText: textIn(bytes, token) };
  const edits = [
    ...(id === undefined ? [] : [{ ...id, json: unlessSame(ids.idText, child.id) }]),
    ...(token === undefined || child.token === null
      ? []
      : [{ ...token, json: unlessSame(ids.tokenText, child.token) }]),
  ];
  return { bytes: spliced(bytes, edits), ids };
}

/** A client's cancellation as the child gets it. */
export function cancellationForChild(bytes: Uint8Array, own: string): Promise<Uint8Array> {
  return replaced(bytes, CANCELLED, own);
}

/** A child's response as the client gets it. */
export function responseForClient(bytes: Uint8Array, { idText }: ClientIds): Promise<Uint8Array> {
  return replaced(bytes, ID, idText);
}

/** A child's progress as the client gets it. */
export function progressForClient(bytes: Uint8Array, tokenText: string): Promise<Uint8Array> {
  return replaced(bytes, PROGRESS, tokenText);
}

async function replaced(bytes: Uint8Array, path: readonly string[], json: string): Promise<Uint8Array> {
  const place = (await placesIn(bytes, [path]))?.get(path.join(' '));
  return place === undefined ? bytes : spliced(bytes, [{ ...place, json }]);
}

function textIn(bytes: Uint8Array, place: ByteSpan | undefined): string | null {
  return place === undefined ? null : UTF8.decode(bytes.subarray(place.start, place.end));
}

/** The bytes with these texts in their places; the same where nothing changes. */
function spliced(bytes: Uint8Array, edits: readonly (ByteSpan & { readonly json: string })[]): Uint8Array {
  const changes = edits.filter((edit) => textIn(bytes, edit) !== edit.json);
  if (changes.length === 0) return bytes;
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const { start, end, json } of changes.toSorted((a, b) => a.start - b.start)) {
    parts.push(bytes.subarray(at, start), ENCODER.encode(json));
    at = end;
  }
  parts.push(bytes.subarray(at));
  return concatBytes(
    parts,
    parts.reduce((sum, { length }) => sum + length, 0),
  );
}

/** Two ways to write one value are the same value: the child gets it as the client wrote it. */
function unlessSame(written: string | null, name: string): string {
  return written !== null && JSON.stringify(JSON.parse(written)) === name ? written : name;
}
