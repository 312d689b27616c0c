import { cardNamed } from '../../domain/approval/seen-card.ts';
import { exportLine } from '../../domain/log/export-line.ts';
import type { Ledger, Records } from '../../ports.ts';

/** Events that are in memory at a time. */
const PAGE = 2_000;
/** The same when cards are exported: a card's content is many times the size of its event. */
const PAGE_WITH_CARDS = 200;
const NO_CARDS: ReadonlyMap<string, string> = new Map();

/**
 * The whole log as JSON Lines, up to its head when the export began. Memory does not grow with the log: a page is read
 * once the reader has taken the one before. Checkpoints beyond the head are written too; they reveal a truncated tail.
 * `cards`: also writes what each card showed, after the event that names it; null: events only.
 */
export async function* exportLog(
  ledger: Ledger,
  at: Date,
  keys: readonly string[],
  cards: Pick<Records, 'cards'> | null = null,
): AsyncGenerator<string> {
  const { head, checkpoint } = await ledger.ends();
  yield `${exportLine.header(at, keys, await ledger.logId())}\n`;
  let after = 0;
  let events = 0;
  let checkpoints = 0;
  while (after < head) {
    const page = (await ledger.chain(after, cards === null ? PAGE : PAGE_WITH_CARDS, { phrases: false })).filter(
      (link) => link.seq! <= head,
    );
    if (page.length === 0) break;
    const last = page.at(-1)!.seq!;
    const signed = [...(await ledger.checkpoints(after, last))];
    const seen = cards === null ? NO_CARDS : await cards.cards(page.flatMap((link) => cardNamed(link.text) ?? []));
    const lines: string[] = [];
    let cardLines = 0;
    for (const link of page) {
      // A checkpoint for a missing event is written where that event would be.
      while (signed.length > 0 && signed[0]!.seq < link.seq!) lines.push(exportLine.checkpoint(signed.shift()!));
      lines.push(exportLine.event(link));
      const digest = cards === null ? null : cardNamed(link.text);
      const content = digest === null ? undefined : seen.get(digest);
      if (content === undefined) continue;
      lines.push(exportLine.card(digest!, content));
      cardLines += 1;
    }
    lines.push(...signed.map(exportLine.checkpoint));
    events += page.length;
    checkpoints += lines.length - page.length - cardLines;
    after = last;
    yield `${lines.join('\n')}\n`;
  }
  const beyond = await ledger.checkpoints(after, checkpoint);
  for (const checkpoint of beyond) yield `${exportLine.checkpoint(checkpoint)}\n`;
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
