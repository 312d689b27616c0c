import { cardNamed } from '../../domain/approval/seen-card.ts';
import { ChainCheck, type ChainReport } from '../../domain/log/chain.ts';
import type { SignedCheckpoint } from '../../domain/log/checkpoint.ts';
import { startAfter } from '../../domain/log/cut.ts';
import { isDisclosed } from '../../domain/log/enclosed.ts';
import type { Link } from '../../domain/log/evidence.ts';
import { readExportLine } from '../../domain/log/export-line.ts';
import type { EvidenceProof } from '../../domain/log/judge-evidence.ts';
import { type SignatureReport, VoteSignatureCheck } from '../../domain/log/signature-check.ts';
import type { Ledger } from '../../ports.ts';
import { requireUncut } from './export.ts';

/** What verification found in an export or a database. */
export interface EvidenceFinding {
  readonly report: ChainReport;
  /** What is wrong with the evidence as files, in words; empty where the chain itself has faults. */
  readonly problems: readonly string[];
  /** The same of segments; these come before faults of the chain, which follow from them. */
  readonly segmentProblems?: readonly string[];
  /** Segments that were read; absent: none were asked for. */
  readonly segments?: number;
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

/** The log's beginning, kept outside the database: read into the check before the rest. */
export interface SegmentReader {
  /** Reads all of it. */
  read(checks: LogChecks): Promise<void>;
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
  await segments?.read(checks);
  /** What is up to there was read from segments. */
  const known = segments === null ? 0 : checks.reached;
  const problems: string[] = [];
  let number = 0;
  let lastEvent = '';
  let taken: Date | null = null;
  let newest = '';
  let cards = 0;
  let disclosed = 0;
  let disclosable = '';
  const counted = { events: 0, unsealed: 0 };
  let end: ExportEnd | null = null;
  for await (const text of lines) {
    number += 1;
    const line = readExportLine(text);
    if (end !== null) problems.push(`line ${number} stands after the end`);
    if (number === 1 && line.kind !== 'header') problems.push('the first line is not the header of an export');
    if (line.kind === 'header' && line.log !== null) checks.chain.claim(line.log);
    if (line.kind === 'header' && line.start !== null && number === 1 && known === 0) {
      checks.chain.begin(line.start);
      checks.signatures.beginLate();
    }
    if (line.kind === 'header' && line.start !== null) segments?.cutUpTo(line.start.seq);
    if (line.kind === 'event') {
      if (line.link.seq === null) counted.unsealed += 1;
      else counted.events += 1;
      if (line.link.seq === null || line.link.seq > known) checks.event(line.link);
    }
    if (line.kind === 'checkpoint') {
      if (known === 0 || placeOf(line.signed) > known) checks.chain.checkpoint(line.signed);
    } else if (line.kind === 'header') taken = line.at;
    else if (line.kind === 'end') end = line;
    else if (line.kind === 'card') {
      if (cardNamed(lastEvent) === line.digest && proof.sha256(line.content) === line.digest) cards += 1;
      else problems.push(`line ${number} is not the card that was logged by the event before it`);
    } else if (line.kind === 'disclosed') {
      if (isDisclosed(proof, disclosable, line.disclosed)) disclosed += 1;
      else problems.push(`line ${number} is not what the event before it encloses`);
    } else if (line.kind === 'unreadable') problems.push(`line ${number} is not a line of an export`);
    // Its card may stand between.
    if (line.kind === 'event') disclosable = line.link.text;
    else if (line.kind !== 'card') disclosable = '';
    lastEvent = line.kind === 'event' ? line.link.text : '';
    if (lastEvent !== '') newest = lastEvent;
    if (problems.length > MAX_PROBLEMS) break;
  }
  const report = checks.chain.end();
  problems.push(...endProblems(end, counted));
  return {
    report,
    // A fault in the chain names its place; problems of the file follow from it and would only distract.
    problems: report.faults.length > 0 ? [] : problems,
    taken: later(taken, timeStated(newest)),
    cards,
    ...(disclosed > 0 && { disclosed }),
    signatures: checks.signatures.end(report.log),
    ...ofSegments(segments, checks, report),
  };
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

function ofSegments(segments: SegmentReader | null, checks: LogChecks, report: ChainReport) {
  if (segments === null) return {};
  return { segments: segments.count, segmentProblems: segments.problems(checks, report) };
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
const PAGE = 5_000;

/**
 * Verifies the log in a database, from where it was cut on, or from where segments end. Fetches the next page while it checks
 * the current one.
 */
export async function verifyLedger(
  ledger: Ledger,
  trust: EvidenceTrust,
  proof: EvidenceProof,
  segments: SegmentReader | null = null,
): Promise<EvidenceFinding> {
  const checks = new LogChecks(trust, proof);
  await segments?.read(checks);
  let after = segments === null ? 0 : checks.reached;
  const cut = (await ledger.cuts()).find(({ covered }) => covered) ?? null;
  if (cut !== null && after === 0) {
    checks.chain.begin(startAfter(cut, await ledger.keyEvents(cut.to)));
    checks.signatures.beginLate();
    after = cut.to;
  }
  if (cut !== null) segments?.cutUpTo(cut.to);
  const { checkpoint: lastSigned } = await ledger.ends();
  let next = ledger.chain(after, PAGE);
  for (;;) {
    const page = await next;
    const last = page.at(-1)?.seq ?? null;
    if (last === null) break;
    if (page[0]!.seq! > after + 1 && after >= (cut?.to ?? 0)) await requireUncut(ledger, after + 1);
    next = ledger.chain(last, PAGE);
    // Awaited in the next round; until then its rejection must not count as unhandled.
    next.catch(() => undefined);
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
  return { ...found, ...ofSegments(segments, checks, report) };
}
