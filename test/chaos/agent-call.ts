import { type ToolAnswer, textOf } from '../support/agent/agent.ts';

/** How a call ended for the agent that made it. */
export type AgentOutcome =
  | 'result'
  | 'denied'
  | 'expired'
  | 'withdrawn'
  | 'lapsed'
  | 'unknown'
  | 'limited'
  | 'answered before'
  /** It cancelled and did not ask again. */
  | 'cancelled'
  /** It was still asking when time ran out. */
  | 'nothing';

/** One call as its agent saw it. */
export interface AgentCall {
  readonly id: string;
  readonly tool: string;
  readonly agent: string;
  /** Another caller made the identical call at the same time. */
  readonly twin: boolean;
  heard: AgentOutcome;
  /** The approval that the last answer named. */
  approval: string | null;
  attempts: number;
  /** Answers that should not have come. */
  readonly odd: string[];
}

const FIRST_WORDS: readonly (readonly [RegExp, AgentOutcome | 'again'])[] = [
  [/^Denied by/, 'denied'],
  [/^Approval expired/, 'expired'],
  [/^Withdrawn/, 'withdrawn'],
  [/^Approval lapsed/, 'lapsed'],
  [/^Outcome unknown/, 'unknown'],
  [/^Already answered|^Result not kept/, 'answered before'],
  // An approved call that meets a full window keeps its pass, but that window lasts a day.
  [/^Rate limited/, 'limited'],
  [/^(Waiting for approval|Not sent|Cannot decide)/, 'again'],
];

/** Notes what an answer means for the call. `heard` stays `nothing` as long as the agent has to ask again. */
export function note(told: AgentCall, answer: ToolAnswer): void {
  told.approval = answer._meta?.['holdfast/approval']?.id ?? told.approval;
  const text = textOf(answer);
  if (text.startsWith('{"did"')) {
    if ((JSON.parse(text) as { did: string }).did !== told.id) told.odd.push(`got another call's result: ${text}`);
    told.heard = 'result';
    return;
  }
  const meant = FIRST_WORDS.find(([words]) => words.test(text))?.[1];
  if (meant === undefined) told.odd.push(text);
  if (meant !== 'again') told.heard = meant ?? 'result';
}
