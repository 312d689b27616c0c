import type { ChainReport } from '../../domain/log/chain.ts';
import type { ChainStart } from '../../domain/log/cut.ts';
import { type ExportLine, readExportLine } from '../../domain/log/export-line.ts';
import type { KeyEvent } from '../../domain/log/key-change.ts';
import { readSegmentHead, readSegmentLine, type SegmentHead } from '../../domain/log/segment.ts';
import { type OpenSegment, Unavailable } from '../../ports.ts';
import type { SecondCopy } from '../log/second-copy.ts';
import type { CutAway, LogChecks, SegmentReader } from '../log/verify.ts';
import { noLonger } from './segments.ts';

/** What is kept of a log outside its database. */
export interface SegmentFolder {
  /** The lines of all heads, with the names of their files. */
  readonly heads: readonly { readonly file: string; readonly line: string }[];
  read(file: string): OpenSegment;
}

/** A head as it was found. */
export interface FoundHead {
  readonly head: SegmentHead;
  readonly digest: string;
  readonly file: string;
}

/** Problems that are listed; an archive of other logs has one for each. */
const MOST_PROBLEMS = 100;

/** Heads in their order, each number once, and what is wrong with them as heads. */
export function orderedHeads(
  { heads }: Pick<SegmentFolder, 'heads'>,
  proof: LogChecks['proof'],
): { readonly heads: readonly FoundHead[]; readonly problems: string[]; readonly spoilt: ReadonlySet<number> } {
  const problems: string[] = [];
  /** Numbers whose head is there, and is not signed as it is. */
  const spoilt = new Set<number>();
  const read: FoundHead[] = [];
  for (const { file, line } of heads) {
    const signed = readSegmentLine(line);
    const head = signed === null ? null : readSegmentHead(signed.text);
    if (signed === null || head === null) problems.push(`${file} is not the head of a segment`);
    else if (!proof.verifies(head.key, signed.text, signed.signature)) {
      problems.push(`${file}: the signature of the head of segment ${head.segment} does not match its text`);
      spoilt.add(head.segment);
    } else read.push({ head, digest: proof.sha256(signed.text), file });
  }
  read.sort((one, other) => one.head.segment - other.head.segment);
  const each: FoundHead[] = [];
  for (const found of read) {
    const before = each.at(-1);
    if (before?.head.segment === found.head.segment) {
      problems.push(`segment ${found.head.segment} is there twice: ${before.file} and ${found.file}`);
    } else each.push(found);
  }
  return { heads: each, problems, spoilt };
}

/** Reads the segments of a log, one after the other, and says what is missing among them. */
export class FolderReader implements SegmentReader {
  readonly #folder: SegmentFolder;
  readonly #problems: string[] = [];
  /** Numbers whose head is spoilt: that is said, and nothing else of them. */
  #spoilt: ReadonlySet<number> = new Set();
  /** Numbers that no head has. */
  readonly #gaps: { readonly first: number; readonly last: number; readonly why: string }[] = [];
  readonly #read: FoundHead[] = [];
  /** The rest of the log begins behind this place, and the segments end before it; 0: they do not. */
  #cutUpTo = 0;

  constructor(folder: SegmentFolder) {
    this.#folder = folder;
  }

  get count(): number {
    return this.#read.length;
  }

  get until(): Date | null {
    const last = this.#read.at(-1);
    return last === undefined ? null : new Date(last.head.until);
  }

  async read(checks: LogChecks, copy: SecondCopy | null = null): Promise<void> {
    await copy?.begin();
    const { heads, problems, spoilt } = orderedHeads(this.#folder, checks.proof);
    this.#problems.push(...problems);
    this.#spoilt = spoilt;
    for (const found of heads) {
      this.#compare(found);
      this.#read.push(found);
      await this.#readOne(checks, found, copy);
    }
  }

  cutUpTo(seq: number): void {
    const last = this.#read.at(-1)?.head;
    if (last !== undefined && seq > last.to) this.#cutUpTo = seq;
  }

  deleted(report: ChainReport): readonly CutAway[] {
    const found = new Set(this.#read.map(({ head }) => head.segment));
    return report.cuts
      .filter(({ seq, segment, head }) => seq <= report.covered && head === null && !found.has(segment))
      .slice(0, MOST_PROBLEMS)
      .map(({ segment, from, to, seq }) => ({ segment, from, to, seq }));
  }

  problems(checks: LogChecks, report: ChainReport): readonly string[] {
    const problems = [...this.#problems];
    const named = new Map(report.cuts.filter(({ seq }) => seq <= report.covered).map((cut) => [cut.segment, cut]));
    const found = new Map(this.#read.map((one) => [one.head.segment, one]));
    for (const { first, last, why } of this.#gaps) {
      // Where the log says that nothing was kept of it, nothing is missing.
      const numbers = Array.from({ length: Math.min(last - first + 1, MOST_PROBLEMS) }, (_, nth) => first + nth);
      const isSaid = numbers.every((number) => this.#spoilt.has(number) || named.get(number)?.head === null);
      if (!isSaid) problems.unshift(why);
    }
    const last = this.#read.at(-1)?.head;
    // Unless the log says of all of it that nothing was kept.
    const isKept = [...named.values()].some(({ to, head }) => last !== undefined && to > last.to && head !== null);
    if (last !== undefined && this.#cutUpTo > 0 && (isKept || !named.has(last.segment + 1))) {
      problems.push(
        `events ${last.to + 1} to ${this.#cutUpTo} were cut, and are in no segment that is there (after segment ${last.segment})`,
      );
    }
    for (const { segment, head, from, to, seq } of named.values()) {
      const one = found.get(segment);
      if (head === null || (one === undefined && this.#spoilt.has(segment))) continue;
      if (one === undefined) {
        problems.push(`segment ${segment} is missing: events ${from} to ${to}, which were cut at event ${seq}`);
      } else if (one.digest !== head) {
        problems.push(
          one.head.to === to
            ? `segment ${segment} has another head than event ${seq} of the log names`
            : `segment ${segment} ends at event ${one.head.to}, and event ${seq} of the log says that it was cut up to ${to}`,
        );
      }
    }
    for (const { head, file } of this.#read) {
      // What the log itself names needs no other word.
      if (named.get(head.segment) === undefined && !checks.chain.trusts(head.key)) {
        problems.push(`${file}: segment ${head.segment} was signed with a foreign key (${head.key})`);
      }
    }
    return [...new Set(problems)].slice(0, MOST_PROBLEMS);
  }

  /** With the head before it. */
  #compare({ head, file }: FoundHead): void {
    const before = this.#read.at(-1);
    const expected = before === undefined ? 1 : before.head.segment + 1;
    if (before !== undefined && head.log !== before.head.log) {
      this.#problems.push(`${file} is of another log (${head.log}, not ${before.head.log})`);
      return;
    }
    if (head.segment > expected) {
      const [first, last] = [expected, head.segment - 1];
      const which = last === first ? `segment ${first} is` : `segments ${first} to ${last} are`;
      const events = `events ${before === undefined ? 1 : before.head.to + 1} to ${head.from - 1}`;
      this.#gaps.push({ first, last, why: `${which} missing: ${events}` });
    } else if (
      before === undefined ? head.previous !== null : head.previous !== before.digest && head.previous !== null
    ) {
      this.#problems.push(
        `${file}: segment ${head.segment} names another segment before it than the one that is there`,
      );
    }
  }

  /**
   * Where segments are missing before this one, reading begins behind them: what lies there the rest of the log may explain. `keys`:
   * what the log said of keys up to there.
   */
  #begin(checks: LogChecks, { from, before, segment }: SegmentHead, keys: readonly KeyEvent[]): void {
    const start: ChainStart = { seq: from - 1, hash: before, checkpoint: null, keys };
    if (this.#read.length > 1) {
      if (from > checks.reached + 1) checks.skip(start);
    } else if (segment !== 1 && from !== 1) {
      checks.chain.begin(start, false);
      checks.signatures.beginLate();
    }
  }

  async #readOne(checks: LogChecks, { head, file }: FoundHead, copy: SecondCopy | null): Promise<void> {
    const opened = this.#folder.read(head.file);
    let events = 0;
    let begun = false;
    if (this.#read.length === 1) checks.chain.claim(head.log);
    try {
      for await (const lines of noLonger(opened.portions, head.unpacked)) {
        for (const text of lines) {
          const line = readExportLine(text);
          if (!begun) this.#begin(checks, head, keysBefore(line, head));
          begun = true;
          if (line.kind === 'event') {
            events += 1;
            checks.event(line.link);
            const { seq, text: said } = line.link;
            if (seq !== null && copy?.concerns(seq, said)) await copy.see({ ...line.link, seq }, head.segment);
          } else if (line.kind === 'checkpoint') checks.chain.checkpoint(line.signed);
          else if (line.kind === 'header' && line.log !== head.log) {
            this.#problems.push(`${head.file} is of another log than ${file} says`);
          }
        }
      }
    } catch (error) {
      // Says nothing about the log.
      if (error instanceof Unavailable) throw error;
      if (!begun) this.#begin(checks, head, head.keys);
      const why = error instanceof Error ? error.message : String(error);
      this.#problems.push(`segment ${head.segment} (events ${head.from} to ${head.to}) cannot be read: ${why}`);
      return;
    }
    const { octets, sha256 } = opened.measured();
    if (octets !== head.octets || sha256 !== head.sha256) {
      this.#problems.push(`${head.file} was changed: it is not what the head of segment ${head.segment} names`);
    }
    const { seq, hash } = checks.chain.reached;
    if (seq !== head.to || hash !== head.last || events !== head.events) {
      this.#problems.push(`segment ${head.segment} does not hold events ${head.from} to ${head.to}, as its head says`);
    }
  }
}

/** The head has what was said of keys up to the segment's end, its first line what was said before it. */
function keysBefore(line: ExportLine, { from, before, keys }: SegmentHead): readonly KeyEvent[] {
  const start = line.kind === 'header' ? line.start : null;
  return start !== null && start.seq === from - 1 && start.hash === before ? start.keys : keys;
}
