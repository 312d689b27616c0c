import { cardNamed } from '../../domain/approval/seen-card.ts';
import { ChainCheck, type ChainReport } from '../../domain/log/chain.ts';
import type { SignedCheckpoint } from '../../domain/log/checkpoint.ts';
import { type ChainStart, startAfter } from '../../domain/log/cut.ts';
import { isDisclosed } from '../../domain/log/enclosed.ts';
import type { Link } from '../../domain/log/evidence.ts';
import { type ExportLine, readExportLine } from '../../domain/log/export-line.ts';
import type { EvidenceProof } from '../../domain/log/judge-evidence.ts';
import { type SignatureReport, VoteSignatureCheck } from '../../domain/log/signature-check.ts';
import type { Ledger } from '../../ports.ts';
import { chainPages } from './chain-pages.ts';
import { cutMeanwhile, requireUncut } from './export.ts';
import { SecondCopy } from './second-copy.ts';

/** What verification found in an export or a database. */
export interface EvidenceFinding {
  readonly report: ChainReport;
  /** What is wrong with the evidence as files, in words; empty where the chain itself has faults. */
  readonly problems: readonly string[];
  /** The same of segments; these come before faults of the chain, which follow from them. */
  readonly segmentProblems?: readonly string[];
  /** Segments that were read; absent: none were asked for. */
  readonly segments?: number;
  /** Events that the export or the database has too, and that are the same as in the segments. */
  readonly compared?: number;
  /** Those that could not be compared, because no segment has what was around them. */
  readonly unmatched?: number;
  /** What the log itself says, signed, that nothing was kept of; absent: there is none. */
  readonly deleted?: readonly CutAway[];
  /** When the evidence was taken: the time of the export, or of its newest event if that is later; null: it names none. */
  readonly taken: Date | null;
  /** How many cards in the export match the event before them. */
  readonly cards: number;
  /** How much of what can be erased is in the export, and matches the event before it; absent: none is there. */
  readonly disclosed?: number;
  /** What passkeys signed. */
  readonly signatures: SignatureReport;
}

/** Which signatures count, and the checkpoints that were kept outside the database. */
export interface EvidenceTrust {
  /** Ed25519 public keys, as hex. */
  readonly keys: readonly string[];
  readonly elsewhere: readonly SignedCheckpoint[];
  /** The id that the log must have; null or left out: any. */
  readonly log?: string | null;
}

/** Events that were deleted for good, as the operator's config said, and the event that says so. */
export interface CutAway {
  readonly segment: number;
  readonly from: number;
  readonly to: number;
  readonly seq: number;
}

/** The log's beginning, kept outside the database: read into the check before the rest. */
export interface SegmentReader {
  /** Reads all of it. `copy`: what has some of the same events, which is compared. */
  read(checks: LogChecks, copy?: SecondCopy | null): Promise<void>;
  /** What is in no segment because it was deleted for good, by a cut that the log names and a checkpoint covers. */
  deleted(report: ChainReport): readonly CutAway[];
  /** What is wrong with it, once the rest was read too. `report`: of the whole. */
  problems(checks: LogChecks, report: ChainReport): readonly string[];
  /** The rest says that it was cut up to this place. */
  cutUpTo(seq: number): void;
  /** Segments that were read. */
  readonly count: number;
  /** When the last event of the last segment happened; null: there is none. */
  readonly until: Date | null;
}

/** What every event of a log is read into, in its order. */
export class LogChecks {
  readonly chain: ChainCheck;
  readonly signatures: VoteSignatureCheck;
  readonly proof: EvidenceProof;

  constructor(trust: EvidenceTrust, proof: EvidenceProof) {
    this.chain = new ChainCheck(proof, trust, trust.elsewhere);
    this.signatures = new VoteSignatureCheck(proof.passkeys);
    this.proof = proof;
  }

  event(link: Link): void {
    this.chain.event(link);
    this.signatures.event(link, this.chain.log);
  }

  /** Reading goes on behind what is not there. */
  skip(start: ChainStart): void {
    this.chain.skip(start);
    this.signatures.beginLate();
  }

  /** The last place that was read. */
  get reached(): number {
    return this.chain.reached.seq;
  }
}

/** After how many problems an export is read no further. */
const MAX_PROBLEMS = 100;

/** Verifies an export as it is read, line by line. `segments`: what comes before it; events of the export that they hold count once. */
export async function verifyExport(
  lines: AsyncIterable<string>,
  trust: EvidenceTrust,
  proof: EvidenceProof,
  segments: SegmentReader | null = null,
): Promise<EvidenceFinding> {
  const checks = new LogChecks(trust, proof);
  const reading = new ExportReading(lines, checks, segments !== null);
  const copy = new SecondCopy({ name: 'the export', keepsStaying: false, next: () => reading.next() });
  await segments?.read(checks, copy);
  /** What is up to there was read from segments. */
  const known = segments === null ? 0 : checks.reached;
  if (segments !== null) reading.beginAfter(known);
  for (let link = segments === null ? await reading.next() : copy.held; link !== null; link = await reading.next()) {
    if (link.seq === null || link.seq > known) checks.event(link);
  }
  const { start, found } = reading;
  if (start !== null) segments?.cutUpTo(start.seq);
  const report = checks.chain.end();
  const problems = [...found.problems, ...endProblems(found.end, found.counted)];
  return {
    report,
    // A fault in the chain names its place; problems of the file follow from it and would only distract.
    problems: report.faults.length > 0 ? [] : problems,
    taken: later(found.taken, timeStated(found.newest)),
    cards: found.cards,
    ...(found.disclosed > 0 && { disclosed: found.disclosed }),
    signatures: checks.signatures.end(report.log),
    ...ofSegments(segments, checks, report, copy),
  };
}

/** What was read of an export so far. */
interface ExportFound {
  readonly problems: string[];
  end: ExportEnd | null;
  readonly counted: { events: number; unsealed: number };
  taken: Date | null;
  /** The text of the newest event. */
  newest: string;
  cards: number;
  disclosed: number;
}

/** Reads an export's lines in their order, and gives its events to whoever asks for the next one. */
class ExportReading {
  readonly #lines: AsyncIterator<string>;
  readonly #checks: LogChecks;
  /** Segments come first: the chain begins where they end. null: there are none; else up to where they were read. */
  #known: number | null;
  /** Checkpoints that were read before that was known. */
  readonly #early: SignedCheckpoint[] = [];
  #number = 0;
  #lastEvent = '';
  #disclosable = '';
  #start: ChainStart | null = null;
  /** The last place in the chain that was read; beyond all places once there was an event without one. */
  #last = 0;
  readonly found: ExportFound = {
    ...{ problems: [], end: null, counted: { events: 0, unsealed: 0 } },
    ...{ taken: null, newest: '', cards: 0, disclosed: 0 },
  };

  constructor(lines: AsyncIterable<string>, checks: LogChecks, afterSegments: boolean) {
    this.#lines = lines[Symbol.asyncIterator]();
    this.#checks = checks;
    this.#known = afterSegments ? null : 0;
  }

  /** Where the export says that it begins; null: with the first event. */
  get start(): ChainStart | null {
    return this.#start;
  }

  /** Segments were read up to here. */
  beginAfter(known: number): void {
    this.#known = known;
    if (this.#start !== null && this.#start.seq > known) {
      if (known === 0) this.#begin(this.#start);
      else this.#checks.skip(this.#start);
    }
    for (const signed of this.#early.splice(0)) this.#checkpoint(signed);
  }

  /** Reads on up to the next event, which it returns; null: there is none. */
  async next(): Promise<Link | null> {
    while (this.found.problems.length <= MAX_PROBLEMS) {
      const { value, done } = await this.#lines.next();
      if (done === true) return null;
      const link = this.#line(value);
      if (link !== null) return link;
    }
    return null;
  }

  #begin(start: ChainStart): void {
    this.#checks.chain.begin(start);
    this.#checks.signatures.beginLate();
  }

  #checkpoint(signed: SignedCheckpoint): void {
    if (this.#known === null) {
      // What segments have is not read again. Those that are in no place wait for their turn, and are not many.
      if (placeOf(signed) > this.#checks.reached && this.#early.length < MAX_PROBLEMS) this.#early.push(signed);
    } else if (this.#known === 0 || placeOf(signed) > this.#known) this.#checks.chain.checkpoint(signed);
  }

  #line(text: string): Link | null {
    this.#number += 1;
    const { found } = this;
    const number = this.#number;
    const line = readExportLine(text);
    if (found.end !== null) found.problems.push(`line ${number} stands after the end`);
    if (number === 1 && line.kind !== 'header') found.problems.push('the first line is not the header of an export');
    if (line.kind === 'header') this.#header(line);
    else if (line.kind === 'checkpoint') this.#checkpoint(line.signed);
    else if (line.kind === 'end') found.end = line;
    else if (line.kind === 'card') {
      const fits =
        cardNamed(this.#lastEvent) === line.digest && this.#checks.proof.sha256(line.content) === line.digest;
      if (fits) found.cards += 1;
      else found.problems.push(`line ${number} is not the card that was logged by the event before it`);
    } else if (line.kind === 'disclosed') {
      if (isDisclosed(this.#checks.proof, this.#disclosable, line.disclosed)) found.disclosed += 1;
      else found.problems.push(`line ${number} is not what the event before it encloses`);
    } else if (line.kind === 'unreadable') found.problems.push(`line ${number} is not a line of an export`);
    // Its card may stand between.
    if (line.kind === 'event') this.#disclosable = line.link.text;
    else if (line.kind !== 'card') this.#disclosable = '';
    this.#lastEvent = line.kind === 'event' ? line.link.text : '';
    if (line.kind !== 'event') return null;
    found.newest = line.link.text;
    const { seq } = line.link;
    if (seq === null) found.counted.unsealed += 1;
    else found.counted.events += 1;
    // What stands elsewhere would be compared with nothing, where segments have its place.
    const last = Math.max(this.#last, (this.#start?.seq ?? 0) + 1);
    if (seq !== null && seq < last)
      found.problems.push(`line ${number} is not in its place: event ${seq} ${placeWords(last)}`);
    this.#last = seq === null ? Number.MAX_SAFE_INTEGER : Math.max(seq, this.#last);
    return line.link;
  }

  #header({ log, start, at }: Extract<ExportLine, { kind: 'header' }>): void {
    this.found.taken = at;
    if (log !== null) this.#checks.chain.claim(log);
    if (start === null || this.#number !== 1) return;
    this.#start = start;
    if (this.#known === 0) this.#begin(start);
  }
}

function placeWords(last: number): string {
  return last === Number.MAX_SAFE_INTEGER
    ? 'stands behind what is not sealed yet'
    : `stands where ${last} or a later one has to be`;
}

/** Verifies segments alone. What came after them is not read, and so is not missed. */
export async function verifySegments(
  segments: SegmentReader,
  trust: EvidenceTrust,
  proof: EvidenceProof,
): Promise<EvidenceFinding> {
  const checks = new LogChecks(trust, proof);
  await segments.read(checks);
  const report = checks.chain.end();
  const found = {
    report,
    problems: [],
    taken: segments.until,
    cards: 0,
    signatures: checks.signatures.end(report.log),
  };
  return { ...found, ...ofSegments(segments, checks, report) };
}

function ofSegments(
  segments: SegmentReader | null,
  checks: LogChecks,
  report: ChainReport,
  copy: SecondCopy | null = null,
) {
  if (segments === null) return {};
  const deleted = segments.deleted(report);
  return {
    segments: segments.count,
    segmentProblems: [...segments.problems(checks, report), ...(copy?.problems ?? [])],
    ...(copy !== null && { compared: copy.compared, unmatched: copy.unmatched }),
    ...(deleted.length > 0 && { deleted }),
  };
}

/** Whatever is no checkpoint is read as one, so that it is told. */
function placeOf({ text }: SignedCheckpoint): number {
  return Number(/"seq":(\d{1,16})[,}]/.exec(text)?.[1] ?? Number.MAX_SAFE_INTEGER);
}

/** The time that an event's canonical text states; null: it is none. */
function timeStated(text: string): Date | null {
  const at = /"at":"([^"]{1,40})"/.exec(text)?.[1];
  const time = at === undefined ? null : new Date(at);
  return time === null || Number.isNaN(time.getTime()) ? null : time;
}

/** The header's time is not signed, so an event that is newer counts instead. Without a header's time there is none. */
function later(header: Date | null, event: Date | null): Date | null {
  return header !== null && event !== null && event > header ? event : header;
}

/** What the last line of an export says about the lines before it. */
interface ExportEnd {
  readonly events: number;
  readonly unsealed: number;
}

function endProblems(end: ExportEnd | null, counted: ExportEnd): string[] {
  if (end === null) return ['the export was cut off: it has no end line'];
  if (end.events === counted.events && end.unsealed === counted.unsealed) return [];
  return [`the export says that it holds ${end.events} events and ${end.unsealed} unsealed ones`];
}

/** Events read from the database at a time. */
const PAGE = 2_500;

/**
 * Verifies the log in a database, from where it was cut on, or from where segments end.
 */
export async function verifyLedger(
  ledger: Ledger,
  trust: EvidenceTrust,
  proof: EvidenceProof,
  segments: SegmentReader | null = null,
): Promise<EvidenceFinding> {
  const checks = new LogChecks(trust, proof);
  const pages = eventsOf(ledger);
  const nextEvent = async (): Promise<Link | null> => (await pages.next()).value ?? null;
  const copy = new SecondCopy({ name: 'the database', keepsStaying: true, next: nextEvent });
  const lastCut = async () => (await ledger.cuts()).find(({ covered }) => covered) ?? null;
  const earlier = segments === null ? null : await lastCut();
  await segments?.read(checks, copy);
  let after = segments === null ? 0 : checks.reached;
  const cut = await lastCut();
  // What left meanwhile is in a segment that was not there when they were listed.
  if (segments !== null && cut !== null && cut.to > (earlier?.to ?? 0)) throw cutMeanwhile(cut.to);
  if (cut !== null && after < cut.to) {
    const start = startAfter(cut, await ledger.keyEvents(cut.to));
    if (after > 0) checks.skip(start);
    else {
      checks.chain.begin(start);
      checks.signatures.beginLate();
    }
    after = cut.to;
  }
  if (cut !== null) segments?.cutUpTo(cut.to);
  const { checkpoint: lastSigned } = await ledger.ends();
  for await (const page of chainPages(ledger, after, PAGE)) {
    const last = page.at(-1)!.seq!;
    if (page[0]!.seq! > after + 1 && after >= (cut?.to ?? 0)) await requireUncut(ledger, after + 1);
    const checkpoints = [...(await ledger.checkpoints(after, last))];
    for (const link of page) {
      while (checkpoints.length > 0 && checkpoints[0]!.seq < link.seq!) checks.chain.checkpoint(checkpoints.shift()!);
      checks.event(link);
    }
    for (const signed of checkpoints) checks.chain.checkpoint(signed);
    after = last;
  }
  for (const signed of await ledger.checkpoints(after, lastSigned)) checks.chain.checkpoint(signed);
  for (let after = 0; ; ) {
    const page = await ledger.unsealed(after, PAGE);
    for (const link of page) checks.event(link);
    if (page.length === 0) break;
    after = page.at(-1)!.n;
  }
  const report = checks.chain.end();
  const found = { report, problems: [], taken: null, cards: 0, signatures: checks.signatures.end(report.log) };
  return { ...found, ...ofSegments(segments, checks, report, copy) };
}

/** The chained events of a database in their order, from its first one on: read on as they are asked for. */
async function* eventsOf(ledger: Pick<Ledger, 'chain'>): AsyncGenerator<Link, undefined> {
  for await (const page of chainPages(ledger, 0, PAGE)) yield* page;
}
