import { setTimeout as sleep } from 'node:timers/promises';
import { CLICK_NOTICES } from '../../src/slack/click/words.ts';
import type { AgentCall } from './agent-call.ts';
import type { TownApprovers } from './approvers.ts';
import { cardsAreTrue } from './cards.ts';
import { INVARIANTS } from './invariants.ts';
import { type FinalRecord, readEvidence } from './record.ts';
import type { Town } from './town.ts';

export type ReportRow = readonly [string, number];

export interface ChaosReport {
  /** Names with a number each, in the order in which they are printed. */
  readonly table: readonly ReportRow[];
  /** The breaks of each invariant that did not hold. */
  readonly breaks: Readonly<Record<string, readonly string[]>>;
  readonly logs: string;
}

/** What everyone saw. */
export interface Account {
  readonly told: readonly AgentCall[];
  readonly approvers: Pick<TownApprovers, 'recorded' | 'clicked' | 'revoked' | 'unanswered'>;
  readonly evidence: FinalRecord;
  readonly ms: number;
  /** Rows that only this kind of trouble has. */
  readonly rows: readonly ReportRow[];
  /** Breaks of invariants that only this kind of trouble has. */
  readonly faults: Readonly<Record<string, readonly string[]>>;
}

/** The record once nothing changes any more, or at `end` (milliseconds since the epoch). */
export async function quiet(town: Town, end: number): Promise<FinalRecord> {
  for (;;) {
    const evidence = await readEvidence(town.postgres.url).catch(() => null);
    const moving =
      evidence === null ||
      evidence.stale > 0 ||
      evidence.approvals.some(({ state }) => ['pending', 'approved', 'dispatched'].includes(state)) ||
      evidence.events.some(({ seq }) => seq === null);
    if (!moving || (Date.now() > end && evidence !== null)) return evidence!;
    await sleep(500);
  }
}

/** Compares what everyone saw. */
export function reportOf(town: Town, { told, approvers, evidence, ms, rows, faults }: Account): ChaosReport {
  const { recorded, clicked, revoked } = approvers;
  const toldLost = (approver: string): number =>
    town.house.slack.ephemerals(approver).filter(({ text }) => text.startsWith(CLICK_NOTICES.notRecorded)).length;
  const seen = { evidence, arrivals: town.arrivals, told, recorded, clicked, revoked, toldLost };
  const all = {
    ...Object.fromEntries(Object.entries(INVARIANTS).map(([name, holds]) => [name, holds(seen)])),
    'P4 every card is true': cardsAreTrue(town.house.slack, evidence.approvals),
    'no process ends by itself': town.fallen,
    ...faults,
  };
  const breaks = Object.fromEntries(Object.entries(all).filter(([, found]) => found.length > 0));
  const table: ReportRow[] = [
    ['seconds', Math.round(ms / 1_000)],
    ['calls made', told.length],
    ['attempts', told.reduce((sum, one) => sum + one.attempts, 0)],
    ['calls that arrived', town.arrivals.length],
    ['approvals', evidence.approvals.length],
    ...counted(evidence.approvals, ({ state }) => state),
    ['decisions', evidence.approvals.reduce((sum, one) => sum + one.decisions.length, 0)],
    ['uses of allowances', evidence.events.filter(({ type }) => type === 'allowance.used').length],
    ['allowances revoked', revoked.length],
    ['clicks', clicked.length + approvers.unanswered.length],
    ['  not acknowledged', approvers.unanswered.length],
    ['  told that they are lost', toldLost('U0MIRA') + toldLost('U0ALEX')],
    ['agents heard', told.length],
    ...counted(told, ({ heard }) => heard),
    ['events', evidence.events.length],
    ...rows,
    ['invariant breaks', Object.values(breaks).reduce((sum, found) => sum + found.length, 0)],
  ];
  return { table, breaks, logs: `${approvers.unanswered.join('\n')}\n${town.logs()}` };
}

function counted<T>(all: readonly T[], name: (one: T) => string): ReportRow[] {
  return [...Map.groupBy(all, name)].sort().map(([words, of]) => [`  ${words}`, of.length] as const);
}
