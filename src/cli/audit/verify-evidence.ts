import { readEvidenceLine, type SignedEvidence } from '../../domain/log/decision-evidence.ts';
import { judgeEvidence } from '../../domain/log/judge-evidence.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { printed, printedJson } from '../../text/printed.ts';
import { Misuse } from '../parse/misuse.ts';
import { evidenceProof } from './evidence-proof.ts';
import { evidenceReportText } from './evidence-text.ts';
import { linesOf } from './lines.ts';

/** Characters of the longest file; what a gateway writes is shorter. */
const LONGEST_FILE = 64 * 1024 * 1024;

interface VerifyEvidenceOptions {
  readonly file: string;
  /** Ed25519 public keys that may sign, as hex. */
  readonly keys: readonly string[];
  readonly log: string | null;
  readonly json: boolean;
}

/**
 * `audit verify --evidence`: 0 when the evidence of one decision fits and all of it is signed, 1 when something does not fit,
 * 3 when it fits, but some event is not under a checkpoint, or not all of them are in the file. Needs public keys alone.
 */
export async function verifyEvidence(options: VerifyEvidenceOptions, terminal: Terminal): Promise<number> {
  const { keys, log } = options;
  const report = judgeEvidence(await evidenceIn(options.file), { keys, log }, evidenceProof());
  terminal.out(options.json ? printed`${printedJson({ ...report })}\n` : evidenceReportText(report));
  if (report.faults.length > 0) return 1;
  return report.covered === report.steps.length && report.unproven === 0 && report.complete ? 0 : 3;
}

/** null: the file holds something else. */
async function evidenceIn(file: string): Promise<SignedEvidence | null> {
  let whole = '';
  for await (const line of linesOf(file)) {
    if (line.trim() === '') continue;
    if (whole !== '') return null;
    if (line.length > LONGEST_FILE) throw new Misuse(`${file} is longer than the evidence of one decision can be.`);
    whole = line;
  }
  return readEvidenceLine(whole);
}
