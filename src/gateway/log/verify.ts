import { cardNamed } from '../../domain/approval/seen-card.ts';
import { ChainCheck, type ChainReport } from '../../domain/log/chain.ts';
import type { SignedCheckpoint } from '../../domain/log/checkpoint.ts';
import { isDisclosed } from '../../domain/log/enclosed.ts';
import type { Link } from '../../domain/log/evidence.ts';
import { readExportLine } from '../../domain/log/export-line.ts';
import type { EvidenceProof } from '../../domain/log/judge-evidence.ts';
import { type SignatureReport, VoteSignatureCheck } from '../../domain/log/signature-check.ts';
import type { Ledger } from '../../ports.ts';

/** What verification found in an export or a database. */
export interface EvidenceFinding {
  readonly report: ChainReport;
  /** What is wrong with the export as a file, in words; empty where the chain itself has faults. */
  readonly problems: readonly string[];
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

/** After how many problems an export is read no further. */
const MAX_PROBLEMS = 100;

/** Verifies an export as it is read, line by line. */
export async function verifyExport(
  lines: AsyncIterable<string>,
  trust: EvidenceTrust,
  proof: EvidenceProof,
): Promise<EvidenceFinding> {
  const check = new ChainCheck(proof, trust, trust.elsewhere);
  const signatures = new VoteSignatureCheck(proof.passkeys);
  const problems: string[] = [];
  let number = 0;
  let lastEvent = '';
  let taken: Date | null = null;
  let newest = '';
  let cards = 0;
  let disclosed = 0;
  let disclosable = '';
  let end: ExportEnd | null = null;
  for await (const text of lines) {
    number += 1;
    const line = readExportLine(text);
    if (end !== null) problems.push(`line ${number} stands after the end`);
    if (number === 1 && line.kind !== 'header') problems.push('the first line is not the header of an export');
    if (line.kind === 'header' && line.log !== null) check.claim(line.log);
    if (line.kind === 'event') {
      check.event(line.link);
      signatures.event(line.link, check.log);
    }
    if (line.kind === 'checkpoint') check.checkpoint(line.signed);
    else if (line.kind === 'header') taken = line.at;
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
  const report = check.end();
  problems.push(...endProblems(end, report));
  // A fault in the chain names its place; problems of the file follow from it and would only distract.
  return {
    report,
    problems: report.faults.length > 0 ? [] : problems,
    taken: later(taken, timeOf(newest)),
    cards,
    ...(disclosed > 0 && { disclosed }),
    signatures: signatures.end(report.log),
  };
}

/** The time that an event's canonical text states; null: it is none. */
function timeOf(text: string): Date | null {
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

function endProblems(end: ExportEnd | null, report: ChainReport): string[] {
  if (end === null) return ['the export was cut off: it has no end line'];
  if (end.events === report.events && end.unsealed === report.unsealed) return [];
  return [`the export says that it holds ${end.events} events and ${end.unsealed} unsealed ones`];
}

/** Events read from the database at a time. */
const PAGE = 5_000;

/** Verifies the log in a database. Fetches the next page while it checks the current one. */
export async function verifyLedger(
  ledger: Ledger,
  trust: EvidenceTrust,
  proof: EvidenceProof,
): Promise<EvidenceFinding> {
  const check = new ChainCheck(proof, trust, trust.elsewhere);
  const signatures = new VoteSignatureCheck(proof.passkeys);
  const read = (link: Link): void => {
    check.event(link);
    signatures.event(link, check.log);
  };
  const { checkpoint: lastSigned } = await ledger.ends();
  let after = 0;
  let next = ledger.chain(after, PAGE);
  for (;;) {
    const page = await next;
    const last = page.at(-1)?.seq ?? null;
    if (last === null) break;
    next = ledger.chain(last, PAGE);
    // Awaited in the next round; until then its rejection must not count as unhandled.
    next.catch(() => undefined);
    const checkpoints = [...(await ledger.checkpoints(after, last))];
    for (const link of page) {
      while (checkpoints.length > 0 && checkpoints[0]!.seq < link.seq!) check.checkpoint(checkpoints.shift()!);
      read(link);
    }
    for (const signed of checkpoints) check.checkpoint(signed);
    after = last;
  }
  for (const signed of await ledger.checkpoints(after, lastSigned)) check.checkpoint(signed);
  for (let after = 0; ; ) {
    const page = await ledger.unsealed(after, PAGE);
    for (const link of page) read(link);
    if (page.length === 0) break;
    after = page.at(-1)!.n;
  }
  const report = check.end();
  return { report, problems: [], taken: null, cards: 0, signatures: signatures.end(report.log) };
}
