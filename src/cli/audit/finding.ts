import type { FolderReader } from '../../gateway/archive/segment-reader.ts';
import {
  type EvidenceFinding,
  type EvidenceTrust,
  verifyExport,
  verifyLedger,
  verifySegments,
} from '../../gateway/log/verify.ts';
import type { Ledger } from '../../ports.ts';
import { evidenceProof } from './evidence-proof.ts';
import { linesOf } from './lines.ts';

/** Where a log is read from. Without an export and a database, the segments are all there is. */
export interface LogSource {
  /** The file; absent: no export. */
  readonly export?: string | undefined;
  readonly ledger: Ledger | null;
  readonly segments: FolderReader | null;
}

/** What is found when all of it is verified, segments first. */
export function findingIn(source: LogSource, trust: EvidenceTrust): Promise<EvidenceFinding> {
  const { ledger, segments } = source;
  if (source.export !== undefined) return verifyExport(linesOf(source.export), trust, evidenceProof(), segments);
  if (ledger !== null) return verifyLedger(ledger, trust, evidenceProof(), segments);
  if (segments !== null) return verifySegments(segments, trust, evidenceProof());
  throw new Error('there is no log to verify');
}
