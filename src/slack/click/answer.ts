import { type ModalView, noticeView, REASON_INPUT } from '../card/modals.ts';
import type { FollowUp } from './follow-up.ts';
import type { ClickOutcome } from './outcome.ts';
import type { Interaction } from './payload.ts';
import {
  ALLOWANCE_WORDS,
  CLICK_NOTICES,
  doorWords,
  notSnoozedWords,
  refusalWords,
  snoozedWords,
  takeBackWords,
  voteWords,
} from './words.ts';

/** How Slack and the person are answered. */
export interface ClickAnswer {
  /** The ack's body; null for an empty one. */
  readonly ack: { readonly [name: string]: unknown } | null;
  /** What is left to do beside the ack. */
  readonly followUp: FollowUp | null;
}

const EMPTY: ClickAnswer = { ack: null, followUp: null };

/** Translates an outcome for the surface that was clicked. Pure. */
export function answerTo(interaction: Interaction, outcome: ClickOutcome): ClickAnswer {
  switch (outcome.kind) {
    case 'nothing':
      return EMPTY;
    case 'modal':
      return showing(interaction, outcome.view);
    case 'recorded':
      if (givesLess(outcome)) return telling(interaction, CLICK_NOTICES.onlyThisCall, 'Only this call');
      if (interaction.kind === 'submission') return { ack: { response_action: 'clear' }, followUp: null };
      return outcome.approval.state === 'pending' ? telling(interaction, voteWords(outcome.approval)) : EMPTY;
    case 'refused':
      if (interaction.kind === 'submission' && outcome.reason === 'reason_required') {
        return reasonMissing();
      }
      return telling(interaction, refusalWords(outcome.reason, outcome.approval));
    case 'wrong_fields':
      return { ack: { response_action: 'errors', errors: outcome.errors }, followUp: null };
    case 'votes_changed':
      return telling(interaction, CLICK_NOTICES.votesChanged);
    case 'allowance':
      return telling(interaction, ALLOWANCE_WORDS[outcome.now], 'Allowance');
    case 'snoozed':
      return telling(interaction, snoozedWords(outcome.until, outcome.tells), 'Snoozed');
    case 'not_snoozed':
      return telling(interaction, notSnoozedWords(outcome.reason, outcome.approval), 'Not snoozed');
    case 'taken_back':
    case 'recorded_together':
      return { ack: { response_action: 'clear' }, followUp: null };
    case 'not_taken_back':
      if (interaction.kind === 'submission' && outcome.reason === 'reason_required') return reasonMissing();
      return telling(interaction, takeBackWords(outcome.reason, outcome.approval));
    case 'turned_away':
      return telling(interaction, doorWords(outcome.reason));
    case 'not_found':
      return telling(interaction, CLICK_NOTICES.notFound);
    case 'not_witnessed':
      return telling(interaction, CLICK_NOTICES.notWitnessed, 'Not recorded outside');
    case 'not_recorded':
      return telling(interaction, CLICK_NOTICES.notRecorded);
    default:
      return outcome satisfies never;
  }
}

/** The yes was for the like too, and with it only this call is approved. */
function givesLess({ approval, decision, allowance }: Extract<ClickOutcome, { kind: 'recorded' }>): boolean {
  return approval.state === 'approved' && decision.offers !== undefined && allowance === undefined;
}

function reasonMissing(): ClickAnswer {
  const errors = { [REASON_INPUT.block]: 'The policy requires a reason.' };
  return { ack: { response_action: 'errors', errors }, followUp: null };
}

/** On a card, words go to the person alone; in a modal, they take the modal's place. */
function telling(interaction: Interaction, text: string, title = 'Nothing was decided'): ClickAnswer {
  if (interaction.kind === 'click' && interaction.on.kind === 'message') {
    return { ack: null, followUp: { kind: 'tell', text } };
  }
  return showing(interaction, noticeView(title, text));
}

/** A card opens a new modal; a modal is replaced, with the ack itself if it was submitted. */
function showing(interaction: Interaction, view: ModalView): ClickAnswer {
  if (interaction.kind === 'submission') return { ack: { response_action: 'update', view }, followUp: null };
  return { ack: null, followUp: { kind: interaction.on.kind === 'view' ? 'update' : 'open', view } };
}
