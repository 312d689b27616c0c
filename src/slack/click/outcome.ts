import type { Approval } from '../../domain/approval/approval.ts';
import type { TakeBackRefusal } from '../../domain/approval/take-back.ts';
import type { Decided } from '../../gateway/decision/decide.ts';
import type { TookBack } from '../../gateway/decision/take-back.ts';
import type { Snoozed } from '../../gateway/snooze/snooze.ts';
import type { ModalView } from '../card/modals.ts';
import type { StrangerReason } from '../people/standing.ts';

/** Why a click does not count, before the approval itself is judged. */
export type DoorRefusal = StrangerReason | 'other_app' | 'wrong_message' | 'no_card' | 'other_call' | 'cannot_tell';

/** A click that was turned away at the door. */
export type NotAdmitted =
  | { readonly kind: 'turned_away'; readonly reason: DoorRefusal }
  | { readonly kind: 'not_found' };

/** What became of a click, before the person is told. */
export type ClickOutcome =
  | NotAdmitted
  | Decided
  | Exclude<TookBack, { kind: 'refused' }>
  | { readonly kind: 'not_taken_back'; readonly reason: TakeBackRefusal; readonly approval: Approval }
  /** All of a batch are decided. */
  | { readonly kind: 'recorded_together' }
  /** Fields of the modal that are wrong, with what would be right. */
  | { readonly kind: 'wrong_fields'; readonly errors: Readonly<Record<string, string>> }
  /** The modal is about votes that are others by now. */
  | { readonly kind: 'votes_changed' }
  /** `revoked`: it is now. `not_living`: it had ended, or there is none. */
  | { readonly kind: 'allowance'; readonly now: 'revoked' | 'not_living' | 'not_allowed' }
  | Exclude<Snoozed, { kind: 'not_found' }>
  | { readonly kind: 'nothing' }
  /** A modal to show. Nothing was decided. */
  | { readonly kind: 'modal'; readonly view: ModalView }
  /** Neither a decision nor a refusal could be stored. */
  | { readonly kind: 'not_recorded' }
  /** A no, or a yes taken back, stands in the database, and nothing outside it could record that. */
  | { readonly kind: 'not_witnessed' };
