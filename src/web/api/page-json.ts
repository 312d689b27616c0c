import type { Context } from 'hono';
import { joinInTurns } from '../../bytes/join.ts';
import { mapInTurns } from '../../time/map-in-turns.ts';

const ENCODER = new TextEncoder();
const COMMA = ENCODER.encode(',');

/**
 * A page of a list. Its items may be megabytes, so others have a turn between them; and it is sent as bytes, because a
 * text is read several times on its way.
 */
export async function pageJson<Item>(
  c: Context,
  items: readonly Item[],
  shown: (item: Item) => object,
  next: string | null,
): Promise<Response> {
  const texts = await mapInTurns(items, (item) => ENCODER.encode(JSON.stringify(shown(item))));
  const parts = [
    ENCODER.encode('{"items":['),
    ...texts.flatMap((text, n) => (n === 0 ? [text] : [COMMA, text])),
    ENCODER.encode(`],"next":${JSON.stringify(next)}}`),
  ];
  const page = await joinInTurns(parts);
  return c.body(page as Uint8Array<ArrayBuffer>, 200, { 'content-type': 'application/json' });
}
