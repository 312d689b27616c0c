import { cardNamed } from '../../domain/approval/seen-card.ts';
import { exportLine } from '../../domain/log/export-line.ts';
import type { Ledger, Records } from '../../ports.ts';

/** Events that are in memory at once. */
const PAGE = 2_000;
/** The same with what their cards showed, each of which is many times its event. */
const PAGE_WITH_CARDS = 200;
const NO_CARDS: ReadonlyMap<string, string> = new Map();

/**
 * The whole log as JSON Lines, as of its head when the export began. Memory does not grow with it: a page is read when
 * the reader has taken the one before. Checkpoints beyond the head are written too; they are what tells of a cut tail.
 * `cards`: what each card showed stands after the event that names it.
 */
export async function* exportLog(
  ledger: Ledger,
  at: Date,
  keys: readonly string[],
  cards: Pick<Records, 'cards'> | null = null,
): AsyncGenerator<string> {
  const { head, checkpoint } = await ledger.ends();
  yield `${exportLine.header(at, keys)}\n`;
  let after = 0;
  let events = 0;
  let checkpoints = 0;
  while (after < head) {
    const page = (await ledger.chain(after, cards === null ? PAGE : PAGE_WITH_CARDS, { phrases: false })).filter(
      (link) => link.seq! <= head,
    );
    if (page.length === 0) break;
    const last = page.at(-1)!.seq!;
    const vouching = [...(await ledger.checkpoints(after, last))];
    const seen = cards === null ? NO_CARDS : await cards.cards(page.flatMap((link) => cardNamed(link.text) ?? []));
    const lines: string[] = [];
    let others = 0;
    for (const link of page) {
      // One that stands between two events vouches for one that is gone.
      while (vouching.length > 0 && vouching[0]!.seq < link.seq!) lines.push(exportLine.checkpoint(vouching.shift()!));
      lines.push(exportLine.event(link));
      const digest = cards === null ? null : cardNamed(link.text);
      const content = digest === null ? undefined : seen.get(digest);
      if (content === undefined) continue;
      lines.push(exportLine.card(digest!, content));
      others += 1;
    }
    lines.push(...vouching.map(exportLine.checkpoint));
    events += page.length;
    checkpoints += lines.length - page.length - others;
    after = last;
    yield `${lines.join('\n')}\n`;
  }
  const beyond = await ledger.checkpoints(after, checkpoint);
  for (const signed of beyond) yield `${exportLine.checkpoint(signed)}\n`;
  let unsealed = 0;
  for (let n = 0; ; ) {
    const page = await ledger.unsealed(n, PAGE);
    if (page.length === 0) break;
    yield page.map((link) => `${exportLine.event(link)}\n`).join('');
    unsealed += page.length;
    n = page.at(-1)!.n;
  }
  yield `${exportLine.end(events, unsealed, checkpoints + beyond.length)}\n`;
}
