import { cardNamed } from '../../domain/approval/seen-card.ts';
import { startAfter } from '../../domain/log/cut.ts';
import { exportLine } from '../../domain/log/export-line.ts';
import type { Ledger, Records } from '../../ports.ts';

/** Events that are in memory at a time. */
const PAGE = 2_000;
/** The same when cards are exported: a card's content is many times the size of its event. */
const PAGE_WITH_CARDS = 200;
const NO_CARDS: ReadonlyMap<string, string> = new Map();

/** How many lines were written. */
export interface LineCount {
  events: number;
  checkpoints: number;
}

/**
 * The whole log as JSON Lines, from where it was cut, up to its head when the export began. Memory does not grow with the log: a page is read
 * once the reader has taken the one before. Checkpoints beyond the head are written too; they reveal a truncated tail.
 * `cards`: also writes what each card showed, after the event that names it; null: events only. Throws where the log is cut
 * meanwhile: an export without an end line is not whole.
 */
export async function* exportLog(
  ledger: Ledger,
  at: Date,
  keys: readonly string[],
  cards: Pick<Records, 'cards'> | null = null,
): AsyncGenerator<string> {
  const cut = (await ledger.cuts()).find(({ covered }) => covered) ?? null;
  const { head, checkpoint } = await ledger.ends();
  const start = cut === null ? null : startAfter(cut, await ledger.keyEvents(cut.to));
  yield `${exportLine.header(at, keys, await ledger.logId(), start)}\n`;
  const count: LineCount = { events: 0, checkpoints: 0 };
  const after = cut?.to ?? 0;
  yield* sealedLines(ledger, { after, upTo: head }, count, cards);
  const beyond = await ledger.checkpoints(Math.max(head, after), checkpoint);
  for (const checkpoint of beyond) yield `${exportLine.checkpoint(checkpoint)}\n`;
  let unsealed = 0;
  for (let n = 0; ; ) {
    const page = await ledger.unsealed(n, PAGE);
    if (page.length === 0) break;
    yield page.map((link) => `${exportLine.event(link)}\n`).join('');
    unsealed += page.length;
    n = page.at(-1)!.n;
  }
  yield `${exportLine.end(count.events, unsealed, count.checkpoints + beyond.length)}\n`;
}

/** The chain's events after `after` and up to `upTo`, in its order, each followed by what vouches for it; in portions. */
export async function* sealedLines(
  ledger: Pick<Ledger, 'chain' | 'checkpoints' | 'cuts'>,
  { after, upTo }: { readonly after: number; readonly upTo: number },
  count: LineCount,
  cards: Pick<Records, 'cards'> | null = null,
): AsyncGenerator<string> {
  const size = cards === null ? PAGE : PAGE_WITH_CARDS;
  for (let reached = after; reached < upTo; ) {
    const page = (await ledger.chain(reached, size, { phrases: false })).filter((link) => link.seq! <= upTo);
    if (page.length === 0) {
      // A checkpoint for missing events is written where they would be.
      for (const signed of await ledger.checkpoints(reached, upTo)) {
        count.checkpoints += 1;
        yield `${exportLine.checkpoint(signed)}\n`;
      }
      return;
    }
    if (page[0]!.seq! > reached + 1) await requireUncut(ledger, reached + 1);
    const last = page.at(-1)!.seq!;
    const signed = [...(await ledger.checkpoints(reached, last))];
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
    count.events += page.length;
    count.checkpoints += lines.length - page.length - cardLines;
    reached = last;
    yield `${lines.join('\n')}\n`;
  }
}

/** Throws where the event is gone because the log was cut since reading began. */
export async function requireUncut(ledger: Pick<Ledger, 'cuts'>, seq: number): Promise<void> {
  const cut = (await ledger.cuts()).find(({ covered, to }) => covered && to >= seq);
  if (cut === undefined) return;
  throw new Error(`The log was cut up to event ${cut.to} while it was read. Begin again.`);
}
