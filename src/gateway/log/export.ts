import { cardNamed } from '../../domain/approval/seen-card.ts';
import { startAfter } from '../../domain/log/cut.ts';
import type { Disclosed } from '../../domain/log/enclosed.ts';
import { exportLine } from '../../domain/log/export-line.ts';
import type { ChainedEvent, Ledger, Records } from '../../ports.ts';
import { type Disclosing, disclosedTexts } from './disclosed.ts';

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
  /** Also writes what is enclosed, after its event; null: not. */
  erasable: Disclosing | null = null,
): AsyncGenerator<string> {
  const cut = (await ledger.cuts()).find(({ covered }) => covered) ?? null;
  const { head, checkpoint } = await ledger.ends();
  const start = cut === null ? null : startAfter(cut, await ledger.keyEvents(cut.to));
  yield `${exportLine.header(at, keys, await ledger.logId(), start)}\n`;
  const count: LineCount = { events: 0, checkpoints: 0 };
  const after = cut?.to ?? 0;
  yield* sealedLines(ledger, { after, upTo: head }, count, cards, erasable);
  const beyond = await ledger.checkpoints(Math.max(head, after), checkpoint);
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
  // What was cut meanwhile took checkpoints with it.
  await requireUncut(ledger, after + 1);
  yield `${exportLine.end(count.events, unsealed, count.checkpoints + beyond.length)}\n`;
}

/** The chain's events after `after` and up to `upTo`, in its order, each followed by what vouches for it; in portions. */
export async function* sealedLines(
  ledger: Pick<Ledger, 'chain' | 'checkpoints' | 'cuts'>,
  { after, upTo }: { readonly after: number; readonly upTo: number },
  count: LineCount,
  cards: Pick<Records, 'cards'> | null = null,
  erasable: Disclosing | null = null,
): AsyncGenerator<string> {
  const size = cards === null && erasable === null ? PAGE : PAGE_WITH_CARDS;
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
    count.events += page.length;
    count.checkpoints += lines.length - page.length - besides;
    reached = last;
    yield `${lines.join('\n')}\n`;
  }
}

/** Throws where the event is gone because the log was cut since reading began. */
export async function requireUncut(ledger: Pick<Ledger, 'cuts'>, seq: number): Promise<void> {
  const cut = (await ledger.cuts()).find(({ covered, to }) => covered && to >= seq);
  if (cut === undefined) return;
  throw cutMeanwhile(cut.to);
}

export function cutMeanwhile(to: number): Error {
  return new Error(`The log was cut up to event ${to} while it was read. Begin again.`);
}

/** By the cursor of the event. */
async function enclosedOf(
  erasable: Disclosing | null,
  page: readonly ChainedEvent[],
): Promise<ReadonlyMap<number, Disclosed>> {
  return erasable === null ? new Map() : disclosedTexts(erasable, page);
}
