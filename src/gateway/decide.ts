import type { Approval, Decision } from '../domain/approval.ts';
import { type Approver, decide as judge, type RefusalReason, type Utterance } from '../domain/decide.ts';
import type { NewEvent } from '../domain/event.ts';
import type { Json } from '../domain/json.ts';
import type { Saw } from '../domain/seen-card.ts';
import type { CardRecord, Change } from '../ports.ts';
import { announce } from './announce.ts';
import type { Setting } from './setting.ts';

export type Decided =
  /** Committed and durable; the caller may acknowledge. */
  | { readonly kind: 'recorded'; readonly approval: Approval; readonly decision: Decision }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly approval: Approval }
  | { readonly kind: 'not_found' };

/** What a door has read of an approval. Old news cost nothing but a second look: the commit compares revisions. */
export interface Seen {
  readonly approval: Approval;
  readonly card: CardRecord | null;
}

/** Pickup, in ms: how long an approved pass, or the word of a denial, waits for a caller who is away. */
export interface DecideTerms {
  readonly pickupMs: number;
}

/**
 * Takes one human's word. Slack, the API and the console all come here.
 *
 * | race | who wins |
 * |---|---|
 * | two clicks at once | the first commit; the other reads again and is refused with the true state |
 * | click and withdrawal, click and expiry | the first commit; a click that lost is told what happened |
 * | crash after the commit, before the queue hears | the decision stands; the sweep and the 2 s re-read wake the call |
 */
export async function decide(
  setting: Setting,
  id: string,
  word: Utterance,
  approver: Approver,
  terms: DecideTerms,
  seen: Seen | null = null,
): Promise<Decided> {
  for (let known = seen; ; known = null) {
    known ??= await look(setting, id, approver);
    if (known === null) return { kind: 'not_found' };
    const { approval, card } = known;
    const now = setting.clock.now();
    const judgement = judge(approval, word, approver, now);
    // Who is refused is told how it stands now, not how it stood when the click came in.
    if (judgement.kind === 'refused' && known === seen) continue;
    if (judgement.kind === 'refused') {
      await refuse(setting, approval, approver, judgement.reason, word.choice);
      return { kind: 'refused', reason: judgement.reason, approval };
    }
    setting.at?.('decide.before');
    const committed = await setting.store.commit({
      id,
      revision: approval.revision,
      from: 'pending',
      to: judgement.next,
      patch: patchFor(judgement.next, new Date(now.getTime() + terms.pickupMs)),
      decision: judgement.decision,
      events: [decided(approval, judgement.decision, judgement.next, card, word.saw)],
    });
    setting.at?.('decide.after');
    if (committed.kind === 'committed') {
      // The commit is what counts; a queue that does not answer only makes it slower to be heard.
      announce(setting, committed.approval);
      return { kind: 'recorded', approval: committed.approval, decision: judgement.decision };
    }
  }
}

/** What the person saw is evidence; only a card is known here, a page or a terminal is not. */
async function look(setting: Setting, id: string, { via }: Approver): Promise<Seen | null> {
  const [approval, card] = await Promise.all([setting.store.find(id), via === 'slack' ? setting.store.card(id) : null]);
  return approval === null ? null : { approval, card };
}

function patchFor(next: 'pending' | 'approved' | 'denied', until: Date): NonNullable<Change['patch']> {
  if (next === 'approved') return { pickupUntil: until };
  return next === 'denied' ? { resultUntil: until } : {};
}

/** A click that does not count is an event too. */
export async function refuse(
  setting: Setting,
  approval: Approval,
  approver: Approver,
  reason: string,
  choice: string,
): Promise<void> {
  await setting.store.append([
    about(approval, {
      type: 'approval.refused',
      at: setting.clock.now(),
      actor: actorOf(approver),
      data: { reason, choice, via: approver.via, state: approval.state, fingerprint: approval.fingerprint },
    }),
  ]);
}

function decided(
  approval: Approval,
  decision: Decision,
  next: string,
  card: CardRecord | null,
  saw: Saw | undefined,
): NewEvent {
  return about(approval, {
    type: 'approval.decided',
    at: decision.at,
    actor: actorOf({ id: decision.approver, via: decision.via }),
    data: {
      choice: decision.choice,
      reason: decision.reason,
      via: decision.via,
      self: decision.self,
      userGroup: decision.userGroup,
      state: next,
      quorum: approval.requirement.quorum,
      waitedMs: decision.at.getTime() - approval.createdAt.getTime(),
      card: card === null ? null : { digest: card.digest, revision: card.revision, channel: card.channel, ts: card.ts },
      ...(saw === undefined ? {} : { saw: { ...saw } }),
      fingerprint: approval.fingerprint,
    },
  });
}

function actorOf(approver: { id: string; via: string }): string {
  return approver.id === 'admin' ? 'admin' : `slack:${approver.id}`;
}

/** Fills in what every event of an approval carries. */
export function about(
  approval: Pick<Approval, 'id' | 'server' | 'tool' | 'grant'>,
  event: { type: NewEvent['type']; at: Date; actor: string; data: { [name: string]: Json } },
): NewEvent {
  return { ...event, approval: approval.id, server: approval.server, tool: approval.tool, grant: approval.grant };
}
