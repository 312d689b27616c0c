import type { Risk, Severity } from '../tool/risk.ts';
import type { Approval, State } from './approval.ts';

/** An earlier approval of the very same call. */
export interface EarlierCall {
  readonly id: string;
  readonly state: State;
  /** When it reached that state. */
  readonly at: Date;
}

/** Why a person is asked once more before their yes counts. */
export type SecondLook =
  | { readonly kind: 'risk'; readonly risk: Risk }
  | { readonly kind: 'severity'; readonly severity: Severity }
  /** The same call was sent before. `state`: what is known of it; `at`: since when, null where only its id is known. */
  | { readonly kind: 'ran'; readonly id: string; readonly state: State; readonly at: Date | null };

/** Milliseconds for which an earlier run of the same call is a reason to ask again; one with an unknown outcome always is. */
const LATELY_MS = 24 * 3_600_000;
/** Risks that cannot be undone, or can do anything. */
const GRAVE_RISKS: readonly Risk[] = ['execute', 'financial', 'destructive'];
/** States in which the call was sent. */
const SENT: readonly State[] = ['dispatched', 'succeeded', 'failed', 'unknown'];

/** All reasons for which approving this call needs a second look; none: one click is enough. */
export function secondLooks(
  { trace, previousUnknown }: Pick<Approval, 'trace' | 'previousUnknown'>,
  earlier: readonly EarlierCall[],
  now: Date,
): SecondLook[] {
  const { risk, severity } = trace;
  const sent = earlier.filter(({ state }) => SENT.includes(state));
  const ran = sent.filter(({ state, at }) => state === 'unknown' || now.getTime() - at.getTime() < LATELY_MS);
  const missing = previousUnknown !== null && !ran.some(({ id }) => id === previousUnknown);
  return [
    ...(risk !== null && GRAVE_RISKS.includes(risk) ? [{ kind: 'risk', risk } as const] : []),
    ...(severity === 'high' || severity === 'critical' ? [{ kind: 'severity', severity } as const] : []),
    ...(missing ? [{ kind: 'ran', id: previousUnknown, state: 'unknown', at: null } as const] : []),
    ...ran.map(({ id, state, at }) => ({ kind: 'ran', id, state, at }) as const),
  ];
}

/** The reason as a sentence, without the earlier call's id. */
export function secondLookSentence(look: SecondLook): string {
  switch (look.kind) {
    case 'risk':
      return RISK_SENTENCES[look.risk];
    case 'severity':
      return `The policy rates this call as ${look.severity} severity.`;
    case 'ran':
      return RUN_SENTENCES[look.state] ?? 'The same call was sent before.';
    default:
      return look satisfies never;
  }
}

const RISK_SENTENCES: Record<Risk, string> = {
  read: 'It reads.',
  write: 'It changes something.',
  execute: 'It runs code or commands.',
  financial: 'It moves money.',
  destructive: 'It destroys or overwrites something.',
};

const RUN_SENTENCES: Partial<Record<State, string>> = {
  dispatched: 'The same call is running now.',
  succeeded: 'The same call ran before and succeeded. Approving runs it again.',
  failed: 'The same call was sent before and failed, perhaps after it had done something.',
  unknown: 'The same call was sent before and its outcome is unknown. Approving may do it twice.',
};
