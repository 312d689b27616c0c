import type { Choice } from '../../domain/approval/approval.ts';
import type { BatchItem } from '../../domain/approval/together.ts';
import type { AllowFields } from '../card/allow-view.ts';
import type { ButtonValue } from '../card/button.ts';
import type { CounterFields } from '../card/counter-view.ts';
import type { CardPlace } from '../place/card-place.ts';
import type { Click, Interaction, Submission } from './payload.ts';

/** Which call a click is about, and the card it came from, both as the payload claims. */
interface Claim {
  readonly value: ButtonValue;
  /** Null if a modal does not say which card it was opened from. `home`: the person's own Home, which is no card. */
  readonly from: CardPlace | 'home' | null;
}

/** What a person wants by a click or submission. `choice` is what the record says of a refused one. */
export type Intent = Claim &
  (
    | { readonly kind: 'approve_on_card'; readonly choice: 'approve'; readonly revision: number | null }
    | { readonly kind: 'open_full_view'; readonly choice: 'approve' | 'details'; readonly page: number }
    | { readonly kind: 'open_deny_form'; readonly choice: 'deny' }
    | { readonly kind: 'open_counter_form'; readonly choice: 'deny' }
    | {
        readonly kind: 'counter';
        readonly choice: 'deny';
        readonly reason: string | null;
        readonly typed: CounterFields;
      }
    | { readonly kind: 'open_batch'; readonly choice: Choice }
    | {
        readonly kind: 'submit_batch';
        readonly choice: Choice;
        readonly reason: string | null;
        readonly ticks: readonly BatchItem[];
      }
    | { readonly kind: 'open_allow_form'; readonly choice: 'approve'; readonly onCard: boolean; readonly page: number }
    | { readonly kind: 'allow'; readonly choice: 'approve'; readonly votes: number; readonly fields: AllowFields }
    | { readonly kind: 'revoke_allowance'; readonly choice: 'revoke_allowance' }
    | { readonly kind: 'snooze'; readonly choice: 'snooze'; readonly minutes: number }
    | { readonly kind: 'open_take_back_form'; readonly choice: 'take_back' }
    | { readonly kind: 'take_back'; readonly choice: 'take_back'; readonly reason: string | null }
    | {
        readonly kind: 'submit';
        readonly choice: Choice;
        readonly reason: string | null;
        /** The like is denied for so many minutes; null: this call only. */
        readonly standing: number | null;
      }
  );

/** `nothing`: the click is a link, which Slack reports too. `unreadable`: no call of ours is named. Pure. */
export function intentOf(interaction: Interaction): Intent | 'nothing' | 'unreadable' {
  return interaction.kind === 'click' ? clickIntent(interaction) : submissionIntent(interaction);
}

function clickIntent({ action, value, minutes, revision, on }: Click): Intent | 'nothing' | 'unreadable' {
  if (action === 'open_console' || action === 'sign') return 'nothing';
  if (value === null) return 'unreadable';
  const claim = { value, from: on.kind === 'home' ? ('home' as const) : on.kind === 'message' ? on : on.memory };
  const page = on.kind === 'view' ? (on.memory?.page ?? 0) : 0;
  switch (action) {
    case 'approve':
      if (on.kind === 'message') return { ...claim, kind: 'approve_on_card', choice: 'approve', revision };
      return { ...claim, kind: 'open_full_view', choice: 'approve', page };
    case 'review':
      return { ...claim, kind: 'open_full_view', choice: 'approve', page };
    case 'deny':
      return { ...claim, kind: 'open_deny_form', choice: 'deny' };
    case 'counter':
      return { ...claim, kind: 'open_counter_form', choice: 'deny' };
    case 'approve_these':
      return { ...claim, kind: 'open_batch', choice: 'approve' };
    case 'deny_these':
      return { ...claim, kind: 'open_batch', choice: 'deny' };
    case 'allow':
      if (on.kind === 'home') return { ...claim, kind: 'open_full_view', choice: 'approve', page };
      return { ...claim, kind: 'open_allow_form', choice: 'approve', onCard: on.kind === 'message', page };
    case 'revoke_allowance':
      return { ...claim, kind: 'revoke_allowance', choice: 'revoke_allowance' };
    case 'take_back':
      return { ...claim, kind: 'open_take_back_form', choice: 'take_back' };
    case 'snooze':
      return minutes === null ? 'unreadable' : { ...claim, kind: 'snooze', choice: 'snooze', minutes };
    case 'details':
      return { ...claim, kind: 'open_full_view', choice: 'details', page };
    case 'next_page':
      return { ...claim, kind: 'open_full_view', choice: 'details', page: page + 1 };
    case 'previous_page':
      return { ...claim, kind: 'open_full_view', choice: 'details', page: Math.max(0, page - 1) };
    default:
      return action satisfies never;
  }
}

function submissionIntent({
  view,
  memory,
  reason,
  standing,
  fields,
  counter,
  ticks,
}: Submission): Intent | 'unreadable' {
  if (memory === null) return 'unreadable';
  if (view === 'take_back_view') return { value: memory, from: memory, kind: 'take_back', choice: 'take_back', reason };
  if (counter !== null) return { value: memory, from: memory, kind: 'counter', choice: 'deny', reason, typed: counter };
  if (view === 'allow_view') {
    return { value: memory, from: memory, kind: 'allow', choice: 'approve', votes: memory.page, fields };
  }
  if (view === 'approve_these_view' || view === 'deny_these_view') {
    const said: Choice = view === 'deny_these_view' ? 'deny' : 'approve';
    return { value: memory, from: memory, kind: 'submit_batch', choice: said, reason, ticks };
  }
  const choice: Choice = view === 'deny_view' ? 'deny' : 'approve';
  return { value: memory, from: memory, kind: 'submit', choice, reason, standing: choice === 'deny' ? standing : null };
}
