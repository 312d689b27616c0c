import type { Approval } from './approval.ts';

/**
 * What makes a question look different at a glance, gravest first. All but the first are found out when it opens, and frozen
 * with its trace.
 */
export const CUES = ['escalated', 'changed_tool', 'first_use', 'first_today'] as const;
export type Cue = (typeof CUES)[number];
/** Those that are frozen. */
export type OpeningCue = Exclude<Cue, 'escalated'>;

/** What the store says of the calls before one. */
export interface AskedBefore {
  /** A call of this tool by this principal was approved and sent before. */
  readonly sent: boolean;
  /** The principal asked for something else today (UTC) that it did not take back itself. */
  readonly today: boolean;
}

/** A sign, and words of one glance and of one sentence. */
export interface CueWords {
  readonly sign: string;
  readonly short: string;
  readonly says: string;
}

export const CUE_WORDS: Readonly<Record<Cue, CueWords>> = {
  escalated: {
    sign: '⏫',
    short: 'Escalated',
    says: 'Nobody decided in time, so further people are asked.',
  },
  changed_tool: {
    sign: '🔀',
    short: 'Changed tool',
    says: 'The server describes this tool differently than when the policy was written.',
  },
  first_use: {
    sign: '🆕',
    short: 'First use',
    says: 'No call of this tool by this agent was approved and sent before.',
  },
  first_today: {
    sign: '🌅',
    short: 'First today',
    says: 'The first question of this agent today (UTC).',
  },
};

/** The cues with which a question opens; none where it answers what a server asked. */
export function openingCues(before: AskedBefore, changed: boolean): readonly OpeningCue[] {
  return [
    ...(changed ? (['changed_tool'] as const) : []),
    ...(before.sent ? [] : (['first_use'] as const)),
    ...(before.today ? [] : (['first_today'] as const)),
  ];
}

/** The cues of a question, gravest first; none once it is decided. */
export function cuesOf({
  state,
  escalatedAt,
  trace,
}: {
  readonly state: string;
  readonly escalatedAt: Date | null;
  readonly trace: Pick<Approval['trace'], 'cues'>;
}): readonly Cue[] {
  if (state !== 'pending') return [];
  return CUES.filter((cue) => (cue === 'escalated' ? escalatedAt !== null : opensWithCue(trace, cue)));
}

/** Whether a question opened with a cue, which stays so once it is decided. */
export function opensWithCue({ cues }: Pick<Approval['trace'], 'cues'>, cue: OpeningCue): boolean {
  // Of a record that somebody else may have written it can be anything.
  const frozen: readonly unknown[] = Array.isArray(cues) ? cues : [];
  return frozen.includes(cue);
}
