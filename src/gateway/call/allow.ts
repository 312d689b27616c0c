import type { NewEvent } from '../../domain/log/event.ts';
import { type FullLimit, type Take, type Taken, takeKey, uncapped } from '../../domain/policy/limit.ts';
import { takesFromParts } from '../../domain/policy/part.ts';
import { standBack } from '../../time/stand-back.ts';
import type { Gateway } from '../gateway.ts';
import type { PartTaken } from '../state/held-part.ts';
import type { Handled } from './arrival.ts';
import type { WatchedNote } from './note-watched.ts';
import { refuseFrozen } from './refuse-frozen.ts';
import { LOG_IS_DOWN, type VerdictNotes } from './verdict-notes.ts';

/** Largest request, in bytes, that may stay in memory until its event is written. */
const MAX_KEPT_BYTES = 16 * 1024;

/** From this many bytes on others have a turn between the verdict and its event. */
const LARGE_CALL = 256 * 1024;

const NOTHING_SENT = 'nothing was sent';

/** May keep a sample of the call that this event is about; takes no time. */
export type Sampled = (event: NewEvent) => void;

/** What is done beside letting a call through. */
interface Beside {
  readonly watched: WatchedNote | null;
  readonly sampled: Sampled | null;
  /** The freezes were read again for it. Where that took too long the call is counted exactly. */
  readonly lookedAgain: boolean;
}

const FORWARD: Handled = { kind: 'forward', notSent: null };

/**
 * Lets the call through. Without limits its event follows within 50 ms, and so it does where quota was taken in advance;
 * with other limits the event is durable together with the quota before anything is sent. A slow log delays the call; a log that cannot be written refuses it (P7).
 * `size`: the request's, in bytes. `watched`: notes what would have become of a call that is only watched.
 * `sampled`: gets the call's event when it is made, behind the call where that has no limits.
 */
export function allow(
  gateway: Pick<Gateway, 'clock' | 'fullLimits' | 'journal' | 'knownFreezes' | 'log' | 'quota' | 'store'>,
  notes: VerdictNotes,
  takes: readonly Take[],
  size: number,
  watched: WatchedNote | null = null,
  sampled: Sampled | null = null,
): Handled | Promise<Handled> {
  const beside = { watched, sampled, lookedAgain: false };
  if (size < LARGE_CALL) return allowNow(gateway, notes, takes, size, beside);
  // The event is made over the whole call.
  return standBack().then(() => allowUnlessFrozen(gateway, notes, takes, size, beside));
}

/** After a wait, during which somebody may have frozen it. */
function allowUnlessFrozen(...asked: Parameters<typeof allowNow>): Handled | Promise<Handled> {
  const [gateway, notes] = asked;
  const freeze = gateway.knownFreezes.over(notes.place);
  return freeze === null ? allowNow(...asked) : refuseFrozen(gateway, notes, freeze);
}

function allowNow(
  gateway: Pick<Gateway, 'clock' | 'fullLimits' | 'journal' | 'knownFreezes' | 'log' | 'quota' | 'store'>,
  notes: VerdictNotes,
  takes: readonly Take[],
  size: number,
  beside: Beside,
): Handled | Promise<Handled> {
  const { journal, clock, knownFreezes } = gateway;
  const { watched, sampled } = beside;
  if (!journal.writable && (takes.length === 0 || watched !== null)) {
    // Each call looks again when its turn comes: the log may have room for those before it only.
    return journal
      .recovered()
      .then((ok) => (ok ? allowUnlessFrozen(gateway, notes, takes, size, beside) : LOG_IS_DOWN));
  }
  // What was taken in advance is spent only while the log can be written, because the call's event is not written with its
  // quota, and while it is known what is frozen, because no transaction looks.
  const mayTake = takes.length > 0 && journal.writable && takes.every(takesFromParts);
  if (mayTake && !knownFreezes.isGood && !beside.lookedAgain) {
    const again = { ...beside, lookedAgain: true };
    return knownFreezes.becomeGood().then(() => allowUnlessFrozen(gateway, notes, takes, size, again));
  }
  const spent = mayTake && knownFreezes.isGood ? gateway.quota.spend(takes) : null;
  if (takes.length > 0 && spent === null) {
    const event = notes.event('call.allowed', notes.passedOver);
    return admit(gateway, notes, takes, event).then((handled) => {
      if (handled.kind !== 'forward') return handled;
      watched?.();
      sampled?.(event);
      return handled;
    });
  }
  watched?.();
  const at = clock.now();
  const event = (): NewEvent => {
    const made = notes.event('call.allowed', notes.passedOver, at);
    sampled?.(made);
    return made;
  };
  // The event is built when its batch is written; a large request is not kept that long, so its event is built now.
  journal.note(size > MAX_KEPT_BYTES ? event() : event);
  return spent === null ? FORWARD : { kind: 'forward', notSent: () => putBack(gateway, notes, spent) };
}

/** `over`: limits that are only watched and full: the call counts there, and they refuse nothing. */
async function admit(
  gateway: Pick<Gateway, 'fullLimits' | 'knownFreezes' | 'log' | 'store'>,
  notes: VerdictNotes,
  takes: readonly Take[],
  event: NewEvent,
  over: readonly FullLimit[] = [],
): Promise<Handled> {
  const known = gateway.fullLimits.find(takes, event.at);
  const admission = known === null ? await gateway.store.admit(takes, event) : ({ kind: 'full', full: known } as const);
  if (admission.kind === 'full') {
    const { full } = admission;
    if (known === null) gateway.fullLimits.remember(full, event.at);
    const isFull = (take: Take): boolean => takeKey(take) === takeKey(full.take);
    if (takes.find(isFull)?.watched !== true) return notes.limited(full);
    const raised = takes.map((take) => (isFull(take) ? uncapped(take) : take));
    return admit(gateway, notes, raised, event, [...over, full]);
  }
  if (admission.kind === 'frozen') {
    const freeze = await gateway.knownFreezes.lookAgain({ server: event.server ?? '', grant: event.grant ?? '' });
    // Lifted since.
    return freeze === null ? admit(gateway, notes, takes, event, over) : notes.frozen(freeze);
  }
  for (const full of over) notes.wouldLimit(full);
  return { kind: 'forward', notSent: () => refund(gateway, notes, admission.taken) };
}

/** The same for what was counted against parts of windows that this process holds. */
async function putBack(
  gateway: Pick<Gateway, 'journal' | 'log' | 'quota' | 'store'>,
  notes: VerdictNotes,
  spent: readonly PartTaken[],
): Promise<void> {
  const ended = gateway.quota.putBack(spent);
  if (ended.length > 0) return refund(gateway, notes, ended);
  gateway.journal.note(notes.event('call.refunded', { why: NOTHING_SENT }));
}

/** Nothing was sent: gives the quota back, in its own window only. */
async function refund(
  { store, log }: Pick<Gateway, 'log' | 'store'>,
  notes: VerdictNotes,
  taken: readonly Taken[],
): Promise<void> {
  try {
    await store.refund(taken, notes.event('call.refunded', { why: NOTHING_SENT }));
  } catch (error) {
    // Letting too few calls through is safe, and ends with the window.
    log.warn({ err: error }, 'the quota of a call that was not sent could not be given back');
  }
}
