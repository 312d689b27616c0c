import type { NewEvent } from '../../domain/log/event.ts';
import type { Take, Taken } from '../../domain/policy/limit.ts';
import type { Gateway } from '../gateway.ts';
import type { Handled } from './arrival.ts';
import { LOG_IS_DOWN, type VerdictNotes } from './verdict-notes.ts';

/** Bytes of a request that may be kept until its event is written. */
const MOST_KEPT = 16 * 1024;

const FORWARD: Handled = { kind: 'forward', notSent: null };

/**
 * The call may pass. Without limits its event follows within 50 ms; with limits it is durable with the quota, before
 * anything is sent. A slow log holds the call up, one that cannot be written refuses it (P7). `size`: of the request,
 * in bytes.
 */
export function allow(
  gateway: Pick<Gateway, 'clock' | 'fullLimits' | 'journal' | 'log' | 'store'>,
  notes: VerdictNotes,
  takes: readonly Take[],
  size: number,
): Handled | Promise<Handled> {
  const { journal, clock } = gateway;
  if (takes.length > 0) return admit(gateway, notes, takes, notes.event('call.allowed', {}));
  const pass = (): Handled => {
    const at = clock.now();
    const event = (): NewEvent => notes.event('call.allowed', {}, at);
    // The event waits for its batch to be made; what would be too much to keep until then is made now.
    journal.note(size > MOST_KEPT ? event() : event);
    return FORWARD;
  };
  return journal.writable ? pass() : journal.recovered().then((well) => (well ? pass() : LOG_IS_DOWN));
}

async function admit(
  gateway: Pick<Gateway, 'fullLimits' | 'log' | 'store'>,
  notes: VerdictNotes,
  takes: readonly Take[],
  event: NewEvent,
): Promise<Handled> {
  const known = gateway.fullLimits.recall(takes, event.at);
  if (known) return notes.limited(known);
  const admission = await gateway.store.admit(takes, event);
  if (admission.kind === 'full') {
    gateway.fullLimits.remember(admission.full, event.at);
    return notes.limited(admission.full);
  }
  return { kind: 'forward', notSent: () => refund(gateway, notes, admission.taken) };
}

/** Nothing was sent: the quota goes back, in its own window only. */
async function refund(
  { store, log }: Pick<Gateway, 'log' | 'store'>,
  notes: VerdictNotes,
  taken: readonly Taken[],
): Promise<void> {
  try {
    await store.refund(taken, notes.event('call.refunded', { why: 'nothing was sent' }));
  } catch (error) {
    // Too little let through is the safe side; the window heals it.
    log.warn({ err: error }, 'quota of a call that was not sent could not be given back');
  }
}
