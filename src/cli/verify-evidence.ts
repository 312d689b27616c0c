import { createReadStream } from 'node:fs';
import { ChainCheck, type Report } from '../domain/chain.ts';
import type { SignedCheckpoint } from '../domain/checkpoint.ts';
import { readExportLine } from '../domain/export-line.ts';
import { cardNamed } from '../domain/seen-card.ts';
import type { Ledger } from '../ports.ts';
import { proof } from '../vault/proof.ts';

/** What a look at the evidence found; `problems` are of the evidence itself, in words. */
export interface EvidenceFinding {
  readonly report: Report;
  readonly problems: readonly string[];
  /** Cards of the evidence that are what the event before them names. */
  readonly cards: number;
}

/** Who may sign, and what was kept elsewhere. */
export interface Trust {
  readonly keys: readonly string[];
  readonly elsewhere: readonly SignedCheckpoint[];
}

/** Reads an export once, line by line. */
export async function verifyExport(lines: AsyncIterable<string>, trust: Trust): Promise<EvidenceFinding> {
  const { sha256 } = proof();
  const check = new ChainCheck(proof(), trust.keys, trust.elsewhere);
  const problems: string[] = [];
  let number = 0;
  let before = '';
  let cards = 0;
  let end: { readonly events: number; readonly unsealed: number } | null = null;
  for await (const text of lines) {
    number += 1;
    const line = readExportLine(text);
    if (end !== null) problems.push(`line ${number} stands after the end`);
    if (number === 1 && line.kind !== 'header') problems.push('the first line is not the header of an export');
    if (line.kind === 'event') check.event(line.link);
    else if (line.kind === 'checkpoint') check.checkpoint(line.signed);
    else if (line.kind === 'end') end = line;
    else if (line.kind === 'card') {
      if (cardNamed(before) === line.digest && sha256(line.content) === line.digest) cards += 1;
      else problems.push(`line ${number} is not the card that was logged by the event before it`);
    } else if (line.kind === 'unreadable') problems.push(`line ${number} is not a line of an export`);
    before = line.kind === 'event' ? line.link.text : '';
    if (problems.length > 100) break;
  }
  const report = check.end();
  const whole = end !== null && end.events === report.events && end.unsealed === report.unsealed;
  if (end === null) problems.push('the export was cut off: it has no end line');
  else if (!whole)
    problems.push(`the export says that it holds ${end.events} events and ${end.unsealed} unsealed ones`);
  // What the chain itself says is told first: it names the place.
  return report.faults.length > 0 ? { report, problems: [], cards } : { report, problems, cards };
}

const PAGE = 5_000;

/** Reads the chain as it stands in a database; the next page is fetched while this one is looked at. */
export async function verifyLedger(ledger: Ledger, trust: Trust): Promise<EvidenceFinding> {
  const check = new ChainCheck(proof(), trust.keys, trust.elsewhere);
  const { checkpoint: lastSigned } = await ledger.ends();
  let after = 0;
  let next = ledger.chain(after, PAGE);
  for (;;) {
    const page = await next;
    const last = page.at(-1)?.seq ?? null;
    if (last === null) break;
    next = ledger.chain(last, PAGE);
    next.catch(() => undefined);
    const vouching = [...(await ledger.checkpoints(after, last))];
    for (const link of page) {
      while (vouching.length > 0 && vouching[0]!.seq < link.seq!) check.checkpoint(vouching.shift()!);
      check.event(link);
    }
    for (const signed of vouching) check.checkpoint(signed);
    after = last;
  }
  for (const signed of await ledger.checkpoints(after, lastSigned)) check.checkpoint(signed);
  for (let n = 0; ; ) {
    const page = await ledger.unsealed(n, PAGE);
    for (const link of page) check.event(link);
    if (page.length === 0) break;
    n = page.at(-1)!.n;
  }
  return { report: check.end(), problems: [], cards: 0 };
}

/** The lines of a file, or of standard input for `-`; memory does not grow with it. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  const input = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1 << 20 });
  input.setEncoding('utf8');
  let rest = '';
  for await (const chunk of input) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== '') yield rest;
}
