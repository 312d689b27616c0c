import type { NewEvent } from '../../domain/log/event.ts';
import type { Take, Taken } from '../../domain/policy/limit.ts';
import { standBack } from '../../time/stand-back.ts';
import type { Gateway } from '../gateway.ts';
import type { Handled } from './arrival.ts';
import { LOG_IS_DOWN, type VerdictNotes } from './verdict-notes.ts';

/** Largest request, in bytes, that may stay in memory until its event is written. */
const MAX_KEPT_BYTES = 16 * 1024;

/** From this many bytes on others have a turn between the verdict and its event. */
const LARGE_CALL = 256 * 1024;

const FORWARD: Handled = { kind: 'forward', notSent: null };

/**
 * Lets the call through. Without limits its event follows within 50 ms; with limits the event is durable together with
 * the quota before anything is sent. A slow log delays the call; a log that cannot be written refuses it (P7).
 * `size`: the request's, in bytes.
 */
export function allow(
  gateway: Pick<Gateway, 'clock' | 'fullLimits' | 'journal' | 'knownFreezes' | 'log' | 'store'>,
  notes: VerdictNotes,
  takes: readonly Take[],
  size: number,
): Handled | Promise<Handled> {
  if (size < LARGE_CALL) return allowNow(gateway, notes, takes, size);
  // The event is made over the whole call.
  return standBack().then(() => allowNow(gateway, notes, takes, size));
}

function allowNow(
  gateway: Pick<Gateway, 'clock' | 'fullLimits' | 'journal' | 'knownFreezes' | 'log' | 'store'>,
  notes: VerdictNotes,
  takes: readonly Take[],
  size: number,
): Handled | Promise<Handled> {
  const { journal, clock } = gateway;
  if (takes.length > 0) return admit(gateway, notes, takes, notes.event('call.allowed', {}));
  if (!journal.writable) {
    // Each call looks again when its turn comes: the log may have room for those before it only.
    return journal.recovered().then((ok) => (ok ? allowNow(gateway, notes, takes, size) : LOG_IS_DOWN));
  }
  const at = clock.now();
  const event = (): NewEvent => notes.event('call.allowed', {}, at);
  // The event is built when its batch is written; a large request is not kept that long, so its event is built now.
  journal.note(size > MAX_KEPT_BYTES ? event() : event);
  return FORWARD;
}

async function admit(
  gateway: Pick<Gateway, 'fullLimits' | 'knownFreezes' | 'log' | 'store'>,
  notes: VerdictNotes,
  takes: readonly Take[],
  event: NewEvent,
): Promise<Handled> {
  const full = gateway.fullLimits.find(takes, event.at);
  if (full) return notes.limited(full);
  const admission = await gateway.store.admit(takes, event);
  if (admission.kind === 'full') {
    gateway.fullLimits.remember(admission.full, event.at);
    return notes.limited(admission.full);
  }
  if (admission.kind === 'frozen') {
    const freeze = await gateway.knownFreezes.lookAgain({ server: event.server ?? '', grant: event.grant ?? '' });
    // Lifted since.
    return freeze === null ? admit(gateway, notes, takes, event) : notes.frozen(freeze);
  }
  return { kind: 'forward', notSent: () => refund(gateway, notes, admission.taken) };
}

/** Nothing was sent: gives the quota back, in its own window only. */
async function refund(
  { store, log }: Pick<Gateway, 'log' | 'store'>,
  notes: VerdictNotes,
  taken: readonly Taken[],
): Promise<void> {
  try {
    await store.refund(taken, notes.event('call.refunded', { why: 'nothing was sent' }));
  } catch (error) {
    // Letting too few calls through is safe, and ends with the window.
    log.warn({ err: error }, 'the quota of a call that was not sent could not be given back');
  }
}
