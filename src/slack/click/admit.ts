import type { Approval, Approver } from '../../domain/approval/approval.ts';
import { digestMarkIn } from '../../domain/approval/burst.ts';
import type { CurrentApprovers } from '../../domain/approval/current.ts';
import type { SeenApproval } from '../../gateway/decision/decide.ts';
import type { CardRecord } from '../../ports.ts';
import type { Clicker } from '../people/clicker.ts';
import { type IdentityTerms, identify } from '../people/identity.ts';
import { type CardPlace, placeOfClick } from '../place/card-place.ts';
import type { Routing } from '../place/routing.ts';
import type { Intent } from './intent.ts';
import type { DoorRefusal, NotAdmitted } from './outcome.ts';

/** Records a click that did not count. `id` is what the click claims, and may name nothing. */
export type RecordRefusal = (id: string, actor: string, reason: string, choice: string) => Promise<void>;

export interface AdmissionTerms extends IdentityTerms {
  readonly routing: Routing;
  /** The approval and its card; null if there is no such approval. */
  look(id: string): Promise<SeenApproval | null>;
  /** The same from memory, if this process posted the card and it shows everything. The commit compares revisions. */
  recall(id: string): SeenApproval | null;
  /** Stores the card's place, learnt from a click because the answer to the post was lost. */
  adopt(id: string, channel: string, ts: string): Promise<void>;
  /** Who may decide it by today's configuration. */
  approvers(approval: Approval): CurrentApprovers;
  readonly refused: RecordRefusal;
}

/** A click that may be judged: by a person of ours, on the card itself, about the call that the card showed. */
export interface Admitted {
  readonly kind: 'admitted';
  readonly approval: Approval;
  readonly approver: Approver;
  readonly from: CardPlace;
  /** Null if the card's record was changed on the way in. */
  readonly seen: SeenApproval | null;
  /** The approval was recalled, so its card shows everything. */
  readonly recalled: boolean;
  /** Its card is a message that tells of several calls, and shows none of them in full. */
  readonly inDigest: boolean;
}

/** The checks that every click passes. A refusal is recorded before it is returned. */
export async function admit(terms: AdmissionTerms, who: Clicker, intent: Intent): Promise<Admitted | NotAdmitted> {
  const { value, from, choice } = intent;
  const record = (reason: string) => terms.refused(value.approval, who.user, reason, choice);
  const refuse = async (reason: DoorRefusal): Promise<NotAdmitted> => {
    await record(reason);
    return { kind: 'turned_away', reason };
  };
  const recalled = recallFor(terms, intent);
  const seen = recalled ?? (await terms.look(value.approval));
  if (seen === null) {
    await record('not_found');
    return { kind: 'not_found' };
  }
  const { approval, card } = seen;
  const identified = await identify(terms, who, approval, terms.approvers(approval));
  // A person who cannot be looked up may not be reachable either: the record at least says that the click did not count.
  if (identified.kind === 'cannot_tell') return refuse('cannot_tell');
  if (identified.kind === 'refused') return refuse(identified.reason);
  if (!approval.fingerprint.startsWith(value.fingerprint)) return refuse('other_call');
  const at = from === 'home' ? placeOfCard(card) : from;
  // Without its message, what a Home opens could not be told from what was made up.
  if (at === null) return refuse(from === 'home' ? 'no_card' : 'wrong_message');
  const place = placeOfClick(terms.routing, approval, card, at);
  if (place === 'elsewhere') return refuse('wrong_message');
  if (place === 'adopt') await terms.adopt(approval.id, at.channel, at.ts);
  const { approver } = identified;
  return {
    kind: 'admitted',
    approval,
    approver,
    from: at,
    seen: place === 'adopt' ? null : seen,
    recalled: recalled !== null,
    inDigest: digestMarkIn(card?.digest) !== null,
  };
}

/** A Home names no message: the card is where its record says; null: it is not posted yet. */
function placeOfCard(card: CardRecord | null): CardPlace | null {
  return card?.ts ? { channel: card.channel, ts: card.ts } : null;
}

/** Saves a read. If the click is not on the remembered card, which may have moved since, the store is asked. */
function recallFor(terms: AdmissionTerms, { kind, value, from }: Intent): SeenApproval | null {
  if (kind !== 'approve_on_card' || from === null || from === 'home') return null;
  const recalled = terms.recall(value.approval);
  if (recalled === null) return null;
  return placeOfClick(terms.routing, recalled.approval, recalled.card, from) === 'card' ? recalled : null;
}
