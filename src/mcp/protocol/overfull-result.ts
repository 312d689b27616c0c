import type { NoOpening } from '../../ports.ts';
import { A_MINUTE, NOTHING_RAN, type ToolResult, toolResult } from './tool-results.ts';

/** The grant has too many bytes kept, or too many of its callers wait; this call was neither parked nor joined. */
export function overfullResult(refusal: Extract<NoOpening, { kind: 'heavy' | 'overjoined' }>): ToolResult {
  const [why, remedy] = overfullLines(refusal);
  const isPassing = refusal.kind === 'overjoined' && refusal.of === 'minute';
  return toolResult([`Rate limited: ${why}`, `${NOTHING_RAN} ${remedy}`], undefined, isPassing ? A_MINUTE : null);
}

function overfullLines(refusal: Parameters<typeof overfullResult>[0]): readonly [string, string] {
  if (refusal.kind === 'heavy') {
    const { kept, asked, most } = refusal;
    if (asked === null) {
      return [
        `${kept} bytes of requests and results are kept for this grant, and ${most} may be (approval.kept_bytes), so nobody may join a call that waits.`,
        'Collect the results of earlier calls, or repeat it after some of them were decided.',
      ];
    }
    if (asked > most) {
      return [
        `this call has ${asked} bytes, and ${most} may be kept for this grant (approval.kept_bytes).`,
        'Make it smaller.',
      ];
    }
    return [
      `${kept} bytes of requests and results are kept for this grant, this call has ${asked}, and ${most} may be kept (approval.kept_bytes).`,
      'Collect the results of earlier calls, or repeat it after some of them were decided.',
    ];
  }
  switch (refusal.of) {
    case 'approval':
      return [
        `${refusal.most} callers already wait for the approval of this very call, and no more may.`,
        'Wait for one of them.',
      ];
    case 'minute':
      return [
        `this very call was joined ${refusal.most} times within a minute, and no more may.`,
        'Repeat it in a minute.',
      ];
    case 'grant':
      return [
        `${refusal.most} callers of this grant already wait for approvals, and no more may (ten times approval.max_pending).`,
        'Repeat it after some of the calls were decided.',
      ];
    default:
      return refusal.of satisfies never;
  }
}
