import type { ChainedEvent, Ledger } from '../../ports.ts';

/** Pages that are on their way while one is looked at. */
const AHEAD = 2;

/**
 * The chained events of a database behind this place, by the page, in their order. The database works on the next pages while
 * the caller looks at one: where the second of them begins is guessed, because places follow each other. After a page that was
 * shorter, nothing is guessed until one is whole again: heavy events would have every page read twice.
 */
export async function* chainPages(
  ledger: Pick<Ledger, 'chain'>,
  after: number,
  limit: number,
): AsyncGenerator<readonly ChainedEvent[], undefined> {
  const ask = (from: number) => {
    const page = ledger.chain(from, limit);
    // Awaited in its turn, or never; until then its rejection must not count as unhandled.
    page.catch(() => undefined);
    return { from, page };
  };
  const asked = [ask(after), ask(after + limit)];
  for (;;) {
    const { from, page: under } = asked.shift()!;
    const page = await under;
    const last = page.at(-1)?.seq ?? null;
    if (last === null) return;
    if (asked[0]?.from !== last) asked.splice(0, asked.length, ask(last));
    if (last === from + limit) while (asked.length < AHEAD) asked.push(ask(asked.at(-1)!.from + limit));
    yield page;
  }
}
