import type { ChainReport } from './chain.ts';

/** The newest checkpoint is too old: what came after it may have been taken away. */
export interface StaleLog {
  /** When the newest checkpoint was signed, ISO 8601. */
  readonly signedAt: string;
  /** The instant at which the log should have been fresh, ISO 8601. */
  readonly asOf: string;
  readonly ageMs: number;
  readonly maxAgeMs: number;
}

/**
 * Whether the newest checkpoint that fits was signed more than `maxAgeMs` before `asOf`. A running gateway signs at
 * least every 20 minutes, so then none was running, or the newest part of the log is gone. null: it is fresh, there is
 * no event, or no checkpoint covers any (which is another finding).
 */
export function stalenessOf(report: ChainReport, asOf: Date, maxAgeMs: number): StaleLog | null {
  if (report.head === 0 || report.coveredAt === null) return null;
  const ageMs = asOf.getTime() - new Date(report.coveredAt).getTime();
  // A time that cannot be read is no proof of freshness.
  if (ageMs <= maxAgeMs) return null;
  return { signedAt: report.coveredAt, asOf: asOf.toISOString(), ageMs, maxAgeMs };
}
