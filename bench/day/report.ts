import type { Judgement } from './judge.ts';

/** What one replayed day came to, for a person to read. */
export function reportText(
  name: string,
  judgement: Judgement,
  waits: readonly number[],
  faults: readonly string[],
): string {
  const { calls, actions, byKind, decisions, ran } = judgement;
  const kinds = Object.entries(byKind).map(([kind, count]) => `${kind} ${count}`);
  const minutes = (of: number): string => ((waits[Math.floor((waits.length - 1) * of)] ?? 0) / 60).toFixed(0);
  const asked = waits.filter((seconds) => seconds > 300).length;
  return [
    `${name}: ${faults.length === 0 ? 'as it should be' : 'NOT as it should be'}`,
    `  ${calls} calls, ${actions} human actions (${kinds.join(', ')}), ${decisions} decisions in the log`,
    `  ran: ${ran.byAllowance} by an allowance, ${ran.byBatch} in a batch, ${ran.byOneDecision} by a decision of their own`,
    `  bad that ran ${judgement.bad.length}, bad ticked ${judgement.badBatches}, good that did not run ${judgement.missed.length}, untraceable ${judgement.untraceable.length}`,
    `  good calls waited: ${asked} longer than 5 min; 90 of 100 at most ${minutes(0.9)} min, the longest ${minutes(1)} min`,
    ...faults.slice(0, 40).map((fault) => `  ! ${fault}`),
    '',
  ].join('\n');
}
