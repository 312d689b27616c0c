import type { Call } from '../call/call.ts';
import type { InexactValues } from '../call/inexact.ts';
import { evaluate } from './evaluate.ts';
import { inexactTrace, inexactWords, type JudgedInexact, judgedInexact, shownInexact } from './inexact.ts';
import type { Policy } from './policy.ts';
import type { RuleTrace, Verdict } from './verdict.ts';

/** A call that would be refused before its verdict, because somebody would judge a value that can be read in two ways. */
export interface ForeseenRefusal {
  readonly kind: 'refused';
  /** For people. */
  readonly reason: string;
  readonly trace: RuleTrace;
}

/** What would become of a call that is not made: for those who write a policy. */
export function foresee(policy: Policy, call: Call, inexact: InexactValues): Verdict | ForeseenRefusal {
  const judged = judgedInexact(policy, call, inexact);
  if (judged !== null) return refused(policy, call, judged);
  const verdict = evaluate(policy, call);
  const shown = verdict.kind === 'ask' ? shownInexact(inexact) : null;
  return shown === null ? verdict : refused(policy, call, shown);
}

function refused(policy: Policy, call: Call, judged: JudgedInexact): ForeseenRefusal {
  return { kind: 'refused', reason: inexactWords(judged).why, trace: inexactTrace(policy, call, judged) };
}
