import { fingerprintMaterial } from '../../domain/call.ts';
import type { EventType, NewEvent } from '../../domain/event.ts';
import type { Json } from '../../domain/json.ts';
import type { Full } from '../../domain/limit.ts';
import type { Verdict } from '../../domain/verdict.ts';
import type { Gateway } from '../gateway.ts';
import type { Arrival, Handled } from './arrival.ts';

export function limited(
  gateway: Pick<Gateway, 'clock' | 'journal' | 'rules' | 'vault'>,
  arrival: Arrival,
  verdict: Verdict,
  full: Full,
): Handled {
  const { counter, scope, max } = full.take;
  const { retryAfter } = full;
  gateway.journal.note(verdictEvent(gateway, arrival, 'call.limited', verdict, { counter, scope, max, retryAfter }));
  return { kind: 'limited', full };
}

export function logIsDown(): Handled {
  return { kind: 'unavailable', part: 'audit', why: 'the audit log cannot be written' };
}

/** One event for one verdict: rule and reason, fingerprint and session, never an argument. */
export function verdictEvent(
  gateway: Pick<Gateway, 'clock' | 'rules' | 'vault'>,
  arrival: Arrival,
  type: EventType,
  verdict: Verdict,
  data: { [name: string]: Json },
  at = gateway.clock.now(),
): NewEvent {
  const { call } = arrival;
  const { rule, steps } = verdict.trace;
  return {
    type,
    at,
    actor: `grant:${call.principal.grant}`,
    approval: null,
    server: call.server,
    tool: nameable(call.tool),
    grant: call.principal.grant,
    data: {
      policy: gateway.rules.policy(call.server)?.digest ?? null,
      ...data,
      rule,
      decidedBy: steps.find((step) => step.decided)?.path ?? rule,
      // What simply passed is told by its rule; where somebody was stopped, every step is kept.
      ...(verdict.kind === 'allow' ? {} : { trace: traceOf(verdict) }),
      session: call.session,
      fingerprint: printOf(gateway, arrival),
    },
  };
}

/** The trace as an event keeps it: no argument's value is in it. */
export function traceOf({ trace }: Verdict): Json {
  return trace.steps.map(({ path, says, decided }) => ({ path, says, decided }));
}

/** A name that no rule could have meant may hold anything; it is kept short and printable. */
export function nameable(tool: string): string {
  return tool.slice(0, 128).replaceAll(/[^\x20-\x7e]/g, '?');
}

/** null for a call that has no canonical form; such a call is never gated. */
export function printOf(gateway: Pick<Gateway, 'vault'>, arrival: Arrival): string | null {
  if (arrival.inexact !== null) return null;
  return gateway.vault.fingerprints(fingerprintMaterial(arrival.call))[0]!;
}
