import { cardNamed } from '../../domain/approval/seen-card.ts';
import type { Disclosed } from '../../domain/log/enclosed.ts';
import { exportLine } from '../../domain/log/export-line.ts';
import type { ChainedEvent, Ledger, Records } from '../../ports.ts';
import { type Disclosing, disclosedTexts } from './disclosed.ts';

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
  /** Also writes what is enclosed, after its event; null: not. */
  erasable: Disclosing | null = null,
): AsyncGenerator<string> {
  const { head, checkpoint } = await ledger.ends();
  yield `${exportLine.header(at, keys, await ledger.logId())}\n`;
  let after = 0;
  let events = 0;
  let checkpoints = 0;
  while (after < head) {
    const page = (
      await ledger.chain(after, cards === null && erasable === null ? PAGE : PAGE_WITH_CARDS, { phrases: false })
    ).filter((link) => link.seq! <= head);
    if (page.length === 0) break;
    const last = page.at(-1)!.seq!;
    const signed = [...(await ledger.checkpoints(after, last))];
    const seen = cards === null ? NO_CARDS : await cards.cards(page.flatMap((link) => cardNamed(link.text) ?? []));
    const opened = await enclosedOf(erasable, page);
    const lines: string[] = [];
    let besides = 0;
    for (const link of page) {
      // A checkpoint for a missing event is written where that event would be.
      while (signed.length > 0 && signed[0]!.seq < link.seq!) lines.push(exportLine.checkpoint(signed.shift()!));
      lines.push(exportLine.event(link));
      const digest = cards === null ? null : cardNamed(link.text);
      const content = digest === null ? undefined : seen.get(digest);
      if (content !== undefined) lines.push(exportLine.card(digest!, content));
      const disclosed = opened.get(link.n);
      if (disclosed !== undefined) lines.push(exportLine.disclosed(disclosed));
      besides += (content === undefined ? 0 : 1) + (disclosed === undefined ? 0 : 1);
    }
    lines.push(...signed.map(exportLine.checkpoint));
    events += page.length;
    checkpoints += lines.length - page.length - besides;
    after = last;
    yield `${lines.join('\n')}\n`;
  }
  const beyond = await ledger.checkpoints(after, checkpoint);
  for (const checkpoint of beyond) yield `${exportLine.checkpoint(checkpoint)}\n`;
  let unsealed = 0;
  for (let n = 0; ; ) {
    const page = await ledger.unsealed(n, PAGE);
    if (page.length === 0) break;
    const opened = await enclosedOf(erasable, page);
    yield page
      .flatMap((link) => {
        const disclosed = opened.get(link.n);
        return disclosed === undefined
          ? [exportLine.event(link)]
          : [exportLine.event(link), exportLine.disclosed(disclosed)];
      })
      .map((line) => `${line}\n`)
      .join('');
    unsealed += page.length;
    n = page.at(-1)!.n;
  }
  yield `${exportLine.end(events, unsealed, checkpoints + beyond.length)}\n`;
}

/** By the cursor of the event. */
async function enclosedOf(
  erasable: Disclosing | null,
  page: readonly ChainedEvent[],
): Promise<ReadonlyMap<number, Disclosed>> {
  return erasable === null ? new Map() : disclosedTexts(erasable, page);
}
