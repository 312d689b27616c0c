import { DURATION_FORM, parseDuration } from '../../config/document/duration.ts';
import type { ChainReport } from '../../domain/log/chain.ts';
import { type Checkpoint, readCheckpoint, type SignedCheckpoint } from '../../domain/log/checkpoint.ts';
import { readExportLine } from '../../domain/log/export-line.ts';
import { stalenessOf } from '../../domain/log/staleness.ts';
import { FolderReader } from '../../gateway/archive/segment-reader.ts';
import type { EvidenceFinding, EvidenceTrust } from '../../gateway/log/verify.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { terminalSecret } from '../../main/process/terminal-secret.ts';
import { printed, printedJson } from '../../text/printed.ts';
import { proof } from '../../vault/proof.ts';
import { Misuse } from '../parse/misuse.ts';
import { findingIn } from './finding.ts';
import { linesOf } from './lines.ts';
import { hasLedger, openLedger } from './open-ledger.ts';
import { dataDirectory } from './own-keys.ts';
import { reportText, type VerifyFindings } from './report.ts';
import { segmentFolder } from './segment-folder.ts';
import { trustedKeys } from './trusted-keys.ts';
import { verifyEvidence } from './verify-evidence.ts';

interface AuditVerifyOptions {
  /** A file, or `-` for standard input; without it the database is verified. */
  readonly export?: string;
  /** A folder with what was archived of the log. */
  readonly segments?: string;
  /** The evidence of one decision: a file, or `-`. */
  readonly evidence?: string;
  readonly database?: boolean;
  /** Files, or keys as hex. */
  readonly key: readonly string[];
  /** Files. */
  readonly checkpoints: readonly string[];
  /** A file that the gateway keeps outside SQL: `checkpoints.jsonl`. */
  readonly witness?: string;
  /** A duration, or `off`. */
  readonly maxAge: string;
  /** The id that the log must have. */
  readonly log?: string;
  readonly data?: string;
  readonly json: boolean;
}

/**
 * `audit verify`: 0 when the log fits and is vouched for, 1 when something does not fit or is too old, 3 when it fits but no
 * checkpoint vouches for it. Needs no gateway: an export and a public key, or the database.
 */
export async function auditVerifyCommand(options: AuditVerifyOptions, terminal: Terminal): Promise<number> {
  const data = dataDirectory(options.data, terminal);
  const maxAgeMs = options.maxAge === 'off' ? null : parseDuration(options.maxAge);
  if (maxAgeMs === null && options.maxAge !== 'off') throw new Misuse(`--max-age is ${DURATION_FORM}, or off`);
  const keys = trustedKeys(options.key, data, terminal);
  if (options.evidence !== undefined) {
    return verifyEvidence({ file: options.evidence, keys, log: options.log ?? null, json: options.json }, terminal);
  }
  const witnessed = options.witness === undefined ? [] : await checkpointsIn(options.witness);
  const kept = await Promise.all(options.checkpoints.map(checkpointsIn));
  const trust: EvidenceTrust = { keys, elsewhere: [...kept.flat(), ...witnessed], log: options.log ?? null };
  const {
    report,
    problems: inFile,
    cards,
    disclosed,
    taken,
    signatures,
    segments,
    segmentProblems = [],
    ...beside
  } = await findingOf(options, data, trust, terminal);
  const problems = [...segmentProblems, ...inFile, ...(options.key.length > 1 ? unusedKeys(report) : [])];
  const findings: VerifyFindings = {
    problems,
    cards,
    ...(disclosed !== undefined && { disclosed }),
    signatures,
    // An export is as fresh as it was when it was made, however long ago; the database has to be fresh now.
    stale: maxAgeMs === null ? null : stalenessOf(report, taken ?? new Date(), maxAgeMs),
    wentBack: beyond(report.head, witnessed, keys),
    ...(segments !== undefined && { segments, ...beside }),
  };
  terminal.out(options.json ? printed`${printedJson({ ...report, ...findings })}\n` : reportText(report, findings));
  if (
    report.faults.length + problems.length + signatures.faults.length > 0 ||
    findings.stale !== null ||
    findings.wentBack !== null
  )
    return 1;
  return report.head > 0 && report.covered === 0 ? 3 : 0;
}

/**
 * A key of the auditor's that the log knows nothing of: the log may have been cut before the change to it and signed with
 * an older one, which leaked. Where no checkpoint counts at all, that is said already.
 */
function unusedKeys({ unusedKeys, covered }: ChainReport): string[] {
  if (covered === 0) return [];
  return unusedKeys.map(
    (key) =>
      `the key ${key} neither signed this log nor came into force in it. The log may have been cut before the change to that key.  ` +
      'If that is expected, leave out that --key',
  );
}

/** The newest of these checkpoints, by a key that may sign, if the log ends before the event that it vouches for. */
function beyond(head: number, witnessed: readonly SignedCheckpoint[], keys: readonly string[]): Checkpoint | null {
  let newest: Checkpoint | null = null;
  for (const { text, signature } of witnessed) {
    const read = readCheckpoint(text);
    if (read === null || read.seq <= (newest?.seq ?? head) || !keys.includes(read.key)) continue;
    if (proof().verifies(read.key, text, signature)) newest = read;
  }
  return newest;
}

/** Checkpoints in `checkpoints.jsonl`, in kept standard output or in an export. Other lines are skipped. */
async function checkpointsIn(path: string): Promise<SignedCheckpoint[]> {
  const found: SignedCheckpoint[] = [];
  for await (const text of linesOf(path)) {
    const line = readExportLine(text.trim());
    if (line.kind === 'checkpoint') found.push(line.signed);
  }
  if (found.length === 0) throw new Error(`${path} contains no checkpoint.`);
  return found;
}

/** The segments, if any, and then the export or the database; where there is neither, the segments alone. */
async function findingOf(
  options: AuditVerifyOptions,
  data: string,
  trust: EvidenceTrust,
  terminal: Terminal,
): Promise<EvidenceFinding> {
  const folder = options.segments === undefined ? null : await segmentFolder(options.segments, terminal.env);
  const segments = folder === null ? null : new FolderReader(folder);
  const url = terminalSecret(terminal, 'DATABASE_URL');
  const isAlone = segments !== null && options.database !== true && !hasLedger(data, url);
  if (options.export !== undefined || isAlone) {
    return findingIn({ export: options.export, ledger: null, segments }, trust);
  }
  const beside = options.segments === undefined ? '' : `--segments ${options.segments} `;
  const instead = `holdfast audit export > audit.jsonl && holdfast audit verify ${beside}--export audit.jsonl`;
  const { ledger, close } = await openLedger(data, url, instead);
  try {
    return await findingIn({ ledger, segments }, trust);
  } finally {
    await close();
  }
}
