import type { Context } from 'hono';
import { joinInTurns } from '../../bytes/join.ts';
import type { Ledger } from '../../ports.ts';
import { mapInTurns } from '../../time/map-in-turns.ts';

const ENCODER = new TextEncoder();
const COMMA = ENCODER.encode(',');

/** What of the log is out of the database: up to which place of the chain, until when, in how many segments. */
interface Archived {
  readonly upTo: number;
  readonly until: string;
  readonly segments: number;
  /** False: it was deleted for good. */
  readonly kept: boolean;
}

/** null: the log begins in the database. */
export async function archivedOf(ledger: Pick<Ledger, 'cuts'>): Promise<Archived | null> {
  const cut = (await ledger.cuts()).find(({ covered }) => covered);
  if (cut === undefined) return null;
  return { upTo: cut.to, until: cut.until, segments: cut.segment, kept: cut.head !== null };
}

/**
 * A page of a list. Its items may be megabytes, so others have a turn between them; and it is sent as bytes, because a
 * text is read several times on its way.
 */
export async function pageJson<Item>(
  c: Context,
  items: readonly Item[],
  shown: (item: Item) => object,
  next: string | null,
  archived: Archived | null = null,
): Promise<Response> {
  const texts = await mapInTurns(items, (item) => ENCODER.encode(JSON.stringify(shown(item))));
  const parts = [
    ENCODER.encode('{"items":['),
    ...texts.flatMap((text, n) => (n === 0 ? [text] : [COMMA, text])),
    ENCODER.encode(
      `],"next":${JSON.stringify(next)}${archived === null ? '' : `,"archived":${JSON.stringify(archived)}`}}`,
    ),
  ];
  const page = await joinInTurns(parts);
  return c.body(page as Uint8Array<ArrayBuffer>, 200, { 'content-type': 'application/json' });
}
