import type { StandingDenial } from '../../domain/allowance/allowance.ts';
import { isToolName } from '../../domain/call/call.ts';
import { fingerprintMaterial } from '../../domain/call/fingerprint.ts';
import type { HiddenMask } from '../../domain/call/hidden-mask.ts';
import { isExactThroughout } from '../../domain/call/inexact.ts';
import { maskOf } from '../../domain/call/redact-call.ts';
import { sentOf } from '../../domain/call/sent.ts';
import type { Freeze, FrozenPlace } from '../../domain/freeze/freeze.ts';
import type { Json } from '../../domain/json/json.ts';
import { DEFAULT_REDACTION } from '../../domain/json/redact.ts';
import type { EventType, NewEvent } from '../../domain/log/event.ts';
import type { JudgedInexact } from '../../domain/policy/inexact.ts';
import type { FullLimit } from '../../domain/policy/limit.ts';
import { redactionOf } from '../../domain/policy/rule.ts';
import type { Verdict } from '../../domain/policy/verdict.ts';
import type { WatchedBy } from '../../domain/policy/watch.ts';
import { beginning, cut } from '../../text/cut.ts';
import { ended } from '../../text/ended.ts';
import { asciiOnly } from '../../text/visible.ts';
import { inTurns } from '../../time/in-turns.ts';
import type { Gateway } from '../gateway.ts';
import type { Arrival, Handled } from './arrival.ts';

/** Bytes of a call that can hide so little that looking for it takes no time. */
const SMALL_CALL = 2 * 1024;

/** Writes the events of one call's verdict: rule and reason, fingerprint and session, never an argument or a secret. */
export class VerdictNotes {
  readonly #gateway: Pick<Gateway, 'clock' | 'journal' | 'vault'>;
  readonly #arrival: Arrival;
  readonly #verdict: Verdict;
  readonly #ref: string | null;
  #mask: HiddenMask | null = null;

  /** `ref`: how the call is remembered for later ones; null: it is not. */
  constructor(
    gateway: Pick<Gateway, 'clock' | 'journal' | 'vault'>,
    arrival: Arrival,
    verdict: Verdict,
    ref: string | null = null,
  ) {
    this.#gateway = gateway;
    this.#arrival = arrival;
    this.#verdict = verdict;
    this.#ref = ref;
  }

  /** Where a freeze would stop the call. */
  get place(): FrozenPlace {
    const { server, principal } = this.#arrival.call;
    return { server, grant: principal.grant };
  }

  /** Hands the event to the journal, which writes it within 50 ms. */
  note(type: EventType, data: { [name: string]: Json }): void {
    this.#gateway.journal.note(this.event(type, data));
  }

  /** Notes that a limit is full, and returns the answer for the agent. */
  limited(full: FullLimit): Handled {
    const { counter, scope, max } = full.take;
    this.note('call.limited', { counter, scope, max, retryAfter: full.retryAfter });
    return { kind: 'limited', full };
  }

  /** Notes that a limit is full and refuses nothing, because it is only watched. */
  wouldLimit({ take: { counter, scope, max }, retryAfter }: FullLimit): void {
    this.note('call.would_deny', { reason: `the limit ${counter} is full`, counter, scope, max, retryAfter });
  }

  /** What the event of an allowed call says of a verdict that was not enforced. */
  get passedOver(): { [name: string]: Json } {
    const watched = this.#verdict.kind === 'allow' ? this.#verdict.watched : undefined;
    return watched === undefined ? {} : { would: watched.said.kind, watched: watched.by };
  }

  /** Notes what would have been said of a call that is only watched. */
  would(type: 'call.would_ask' | 'call.would_deny', by: WatchedBy, data: { [name: string]: Json }): void {
    this.note(type, { ...data, watched: by });
  }

  /** Words about this call as an event may hold them: short, plain, and without what the call hides. */
  loggedWords(words: string): string {
    return cut(asciiOnly(this.#masked(words)), LONGEST_WHY);
  }

  /** Notes that a freeze stops the call, and returns the answer for the agent. */
  frozen(freeze: Freeze): Handled {
    this.note('call.refused', { reason: 'frozen', freeze: freeze.id });
    return { kind: 'frozen', freeze };
  }

  /** Notes that the caller's account belongs to no person, and returns the answer for the agent. */
  unjoined(why: string): Handled {
    this.note('call.refused', { reason: 'its account belongs to no person', why });
    return { kind: 'unjoined', why };
  }

  /** Notes that the agent has to say why it calls, and does not, and returns the answer for it. */
  unreasoned(argument: boolean): Handled {
    const { server, tool } = this.#arrival.call;
    this.note('call.refused', { reason: 'the agent does not say why it calls' });
    return { kind: 'unreasoned', unreasoned: { server, tool, argument } };
  }

  /** Notes that a value can be read in two ways and would have to be judged, and returns the answer for the agent. */
  inexact(judged: JudgedInexact): Handled {
    const at = judged.pointer === null ? null : this.#masked(judged.pointer);
    this.note('call.refused', { reason: 'inexact value', at, judge: judged.judge });
    return { kind: 'inexact', judged };
  }

  /** Notes that a standing denial answers the call, and returns the answer for the agent. */
  standing(denial: StandingDenial): Handled {
    const { id, approval, by, until } = denial;
    const data = { denial: id, given: approval, by, reason: denial.reason, until: until.toISOString() };
    this.note('denial.used', data);
    return { kind: 'standing', denial };
  }

  /** Notes that the call holds what no approver would see, and returns the answer for the agent. */
  unshown(why: string): Handled {
    this.note('call.refused', { reason: 'not shown to anybody', why: this.loggedWords(why) });
    return { kind: 'unshown', why };
  }

  /**
   * Whether the tool's name repeats a value that the call hides. A name that the policy itself has gives nothing away.
   */
  get toolTellsHidden(): boolean {
    const { call, policy } = this.#arrival;
    return !policy?.exact.has(call.tool) && this.#masked(call.tool) !== call.tool;
  }

  /**
   * Makes what is needed to write about a call whose tool's name, or what is wrong with it, may tell what it hides, and
   * lets others have turns meanwhile. Undefined: nothing is needed, or it is made in no time.
   */
  prepare(): Promise<void> | undefined {
    const { call, policy, bytes } = this.#arrival;
    if (bytes.byteLength < SMALL_CALL) return undefined;
    if (policy?.exact.has(call.tool) && this.#verdict.kind === 'allow') return undefined;
    return inTurns(this.#makingMask()).then((mask) => {
      this.#mask = mask;
    });
  }

  /** A text about this call with what the call hides replaced (P8). */
  #masked(text: string): string {
    this.#mask ??= ended(this.#makingMask());
    return this.#mask.text(text).text;
  }

  #makingMask(): Generator<void, HiddenMask> {
    const { call, policy } = this.#arrival;
    const redaction = policy === null ? DEFAULT_REDACTION : redactionOf(policy, call.tool);
    return maskOf({ args: call.args, sent: sentOf(call.params, call.headers) }, redaction);
  }

  /** The event, for a caller that writes it itself. */
  event(type: EventType, data: { [name: string]: Json }, at = this.#gateway.clock.now()): NewEvent {
    const { call, policy } = this.#arrival;
    const { trace, kind } = this.#verdict;
    return {
      type,
      at,
      actor: `grant:${call.principal.grant}`,
      approval: null,
      server: call.server,
      tool: printableName(policy?.exact.has(call.tool) ? call.tool : this.#masked(call.tool)),
      grant: call.principal.grant,
      data: {
        policy: policy?.digest ?? null,
        ...data,
        ...(this.#ref === null ? {} : { call: this.#ref }),
        rule: trace.rule,
        decidedBy: trace.steps.find((step) => step.decided)?.path ?? trace.rule,
        // The rule explains an allowed call; for any other, every step of the evaluation is kept.
        ...(kind === 'allow' ? {} : { trace: loggedTrace(this.#verdict) }),
        session: call.session,
        fingerprint: this.#fingerprint(),
      },
    };
  }

  /** null: the call has no canonical form; such a call is never gated. */
  #fingerprint(): string | null {
    if (!isExactThroughout(this.#arrival.inexact)) return null;
    return this.#gateway.vault.fingerprints(fingerprintMaterial(this.#arrival.call))[0]!;
  }
}

/** The trace as an event keeps it: no argument's value is in it. */
export function loggedTrace({ trace }: Verdict): Json {
  return trace.steps.map(({ path, says, decided }) => ({ path, says, decided }));
}

/** Characters of a tool's name that an event keeps. */
const LONGEST_TOOL_NAME = 128;

/** The name of an unknown tool may hold anything. It is kept short, and what only looks like a letter is escaped. */
function printableName(tool: string): string {
  return isToolName(tool) ? tool : cut(asciiOnly(beginning(tool, LONGEST_TOOL_NAME + 1)), LONGEST_TOOL_NAME);
}

/** Characters of the reason why a call is not gated that an event keeps. */
const LONGEST_WHY = 512;

/** The answer while the log cannot be written: what cannot be logged is not forwarded (P7). */
export const LOG_IS_DOWN: Handled = {
  kind: 'unavailable',
  part: 'audit',
  why: 'the audit log cannot be written',
};

/** The answer to a gated call while an alarm stands (P6). */
export function halted(why: string): Handled {
  return { kind: 'unavailable', part: 'alarm', why };
}
