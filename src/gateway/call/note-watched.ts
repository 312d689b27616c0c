import { redactCall } from '../../domain/call/redact-call.ts';
import { sentOf } from '../../domain/call/sent.ts';
import { keptReason } from '../../domain/call/stated-reason.ts';
import type { Json } from '../../domain/json/json.ts';
import { inexactTrace, inexactWords, overlookedInexact, shownInexact } from '../../domain/policy/inexact.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import { redactionOf, ruleFor } from '../../domain/policy/rule.ts';
import type { Verdict, WatchedVerdict } from '../../domain/policy/verdict.ts';
import { watchedBy } from '../../domain/policy/watch.ts';
import type { Gateway } from '../gateway.ts';
import type { Arrival } from './arrival.ts';
import { VerdictNotes } from './verdict-notes.ts';

/** Largest request, in bytes, whose arguments the event of a watched call keeps. */
const MOST_SHOWN_BYTES = 16 * 1024;

/** Writes the event of what would have become of a call. */
export type WatchedNote = () => void;

type Needs = Pick<Gateway, 'clock' | 'journal' | 'rules' | 'vault'>;

/**
 * Notes what would have become of a call whose server or rule is only watched: `call.would_deny` or `call.would_ask`,
 * with the rule, its trace and what a card would have shown. Resolves to a function that writes the event; null: there
 * is nothing to tell. The event is written with that of the call, and only where the call goes on.
 */
export async function watchedNote(gateway: Needs, arrival: Arrival, verdict: Verdict): Promise<WatchedNote | null> {
  const { policy, call, inexact } = arrival;
  if (policy === null || verdict.kind === 'deny') return null;
  const judged = overlookedInexact(policy, call, inexact);
  const by = watchedBy(policy, ruleFor(policy, call.tool));
  if (judged !== null && by !== null) {
    const reason = 'a value can be read in two ways';
    const notes = await prepared(gateway, arrival, { kind: 'deny', reason, trace: inexactTrace(policy, call, judged) });
    const why = notes.loggedWords(inexactWords(judged).why);
    return () => notes.would('call.would_deny', by, { reason, why });
  }
  const { watched } = verdict;
  if (watched === undefined) return null;
  const notes = await prepared(gateway, arrival, watched.said);
  if (watched.said.kind === 'deny') {
    const { reason } = watched.said;
    return () => notes.would('call.would_deny', watched.by, { reason });
  }
  const data = cardData(gateway, arrival, policy, watched, notes);
  return () => notes.would('call.would_ask', watched.by, data);
}

async function prepared(gateway: Needs, arrival: Arrival, said: Verdict): Promise<VerdictNotes> {
  const notes = new VerdictNotes(gateway, arrival, said);
  await notes.prepare();
  return notes;
}

/** What the card would have named, or why nobody would have been asked. */
function cardData(
  { clock, rules }: Needs,
  arrival: Arrival,
  policy: Policy,
  { said }: WatchedVerdict,
  notes: VerdictNotes,
): { [name: string]: Json } {
  if (said.kind !== 'ask') return {};
  const { call, bytes, inexact, statedReason } = arrival;
  const { groups, quorum } = rules.requirement(said.ask, clock.now());
  const asked = { reason: said.trace.reason, approvers: [...groups], quorum };
  const unclear = shownInexact(inexact);
  const fault = unclear === null ? arrival.gatedFault() : inexactWords(unclear).why;
  if (fault !== null) return { ...asked, refused: notes.loggedWords(fault) };
  if (bytes.byteLength > rules.approval.maxBytes) return { ...asked, refused: 'longer than approval.max_bytes' };
  // Nothing that names it could be erased.
  if (rules.erasable === true) return { ...asked, arguments: null, bytes: bytes.byteLength };
  if (bytes.byteLength > MOST_SHOWN_BYTES) return { ...asked, arguments: null, bytes: bytes.byteLength };
  const shown = redactCall(
    { args: call.args, sent: sentOf(call.params, call.headers) },
    redactionOf(policy, call.tool),
  );
  return {
    ...asked,
    arguments: shown.arguments,
    sent: { ...shown.sent },
    hidden: { ...shown.hidden },
    statedReason: statedReason === null ? null : keptReason(notes.loggedWords(statedReason)),
  };
}
