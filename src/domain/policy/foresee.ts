import type { Call } from '../call/call.ts';
import type { InexactValues } from '../call/inexact.ts';
import { evaluate } from './evaluate.ts';
import { type History, NO_HISTORY } from './history.ts';
import {
  inexactTrace,
  inexactWords,
  type JudgedInexact,
  judgedInexact,
  overlookedInexact,
  shownInexact,
} from './inexact.ts';
import type { Policy } from './policy.ts';
import type { RuleTrace, Verdict } from './verdict.ts';

/** A call that would be refused before its verdict, because somebody would judge a value that can be read in two ways. */
export interface ForeseenRefusal {
  readonly kind: 'refused';
  /** For people. */
  readonly reason: string;
  readonly trace: RuleTrace;
}

/** What would become of a call that is not made, after these calls; absent: after none. For those who write a policy. */
export function foresee(
  policy: Policy,
  call: Call,
  inexact: InexactValues,
  history: History = NO_HISTORY,
): Verdict | ForeseenRefusal {
  const judged = judgedInexact(policy, call, inexact);
  if (judged !== null) return refused(policy, call, judged);
  const verdict = evaluate(policy, call, history);
  const overlooked = verdict.kind === 'deny' ? null : overlookedInexact(policy, call, inexact);
  if (verdict.kind !== 'deny' && overlooked !== null) {
    const said: Verdict = {
      kind: 'deny',
      reason: inexactWords(overlooked).why,
      trace: inexactTrace(policy, call, overlooked),
    };
    return { ...verdict, watched: { by: policy.mode === 'watch' ? 'server' : 'rule', said } };
  }
  const shown = verdict.kind === 'ask' ? shownInexact(inexact) : null;
  return shown === null ? verdict : refused(policy, call, shown);
}

function refused(policy: Policy, call: Call, judged: JudgedInexact): ForeseenRefusal {
  return { kind: 'refused', reason: inexactWords(judged).why, trace: inexactTrace(policy, call, judged) };
}
