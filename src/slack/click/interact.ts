import type { Approval, Choice } from '../../domain/approval.ts';
import { type Approver, decide as judge, type Utterance } from '../../domain/decide.ts';
import type { Saw } from '../../domain/seen-card.ts';
import type { Decided, SeenApproval } from '../../gateway/decision/decide.ts';
import type { Clock, Log } from '../../ports.ts';
import { type ButtonValue, type CardAction, readButtonValue, readViewMemory } from '../card/button.ts';
import { cardIsComplete } from '../card/card.ts';
import { type CardPlace, denyView, fullView, type ModalView, noticeView, REASON_INPUT } from '../card/modals.ts';
import { quorumSoFar } from '../card/story.ts';
import { type IdentityTerms, identify } from '../people/identity.ts';
import { placeOfClick } from '../place/card-place.ts';
import type { Routing } from '../place/routing.ts';
import type { Click, Interaction, OnMessage, OnView, Submission } from './payload.ts';
import { CLICK_NOTICES, type DoorRefusal, doorWords, refusalWords } from './words.ts';

/** What handling a click needs. Nothing of it is Bolt's, so that any runtime can do it. */
export interface InteractionTerms extends IdentityTerms {
  readonly clock: Clock;
  readonly log: Log;
  readonly routing: Routing;
  /** As the cards have it. */
  readonly publicUrl?: string | null | undefined;
  /** The approval and its card; null: there is no such approval. */
  look(id: string): Promise<SeenApproval | null>;
  /** The same, where its card is whole and this process showed it: what is decided on it is compared on commit. */
  recall(id: string): SeenApproval | null;
  /** The card's place, learnt from a click because the post's own answer was lost. */
  adopt(id: string, channel: string, ts: string): Promise<void>;
  /** Resolves once the decision is durable, or refused and that recorded. */
  decide(id: string, word: Utterance, approver: Approver, seen: SeenApproval | null): Promise<Decided>;
  /** Records a click that did not count; `id` is what the click claims, and may name nothing. */
  refused(id: string, actor: string, reason: string, choice: string): Promise<void>;
}

/** What to do beside the acknowledgement. */
export type FollowUp =
  | { readonly kind: 'tell'; readonly text: string }
  | { readonly kind: 'open'; readonly view: ModalView }
  | { readonly kind: 'update'; readonly view: ModalView };

export interface InteractionResult {
  /** The ack's body; null for an empty one. */
  readonly ack: { readonly [name: string]: unknown } | null;
  readonly next: FollowUp | null;
  /** Neither a decision nor a refusal is in the record: `next`, or the ack itself, is all that the person will hear. */
  readonly unrecorded?: true;
}

const tell = (text: string): InteractionResult => ({ ack: null, next: { kind: 'tell', text } });
const DONE: InteractionResult = { ack: null, next: null };

/**
 * A verified click or submission, from the person to the recorded decision. When it resolves, the decision is durable
 * or will never be: the ack may go out. A store that cannot answer is told as such, never as a success.
 */
export async function interact(terms: InteractionTerms, interaction: Interaction): Promise<InteractionResult> {
  const say = interaction.kind === 'click' && interaction.on.kind === 'message' ? tell : notice(interaction);
  try {
    return interaction.kind === 'click'
      ? await clicked(terms, interaction, say)
      : await submitted(terms, interaction, say);
  } catch (error) {
    terms.log.error({ err: error }, 'a click in Slack could not be recorded');
    return { ...say(CLICK_NOTICES.notRecorded), unrecorded: true };
  }
}

/** In a modal the answer is shown in its place. */
function notice(interaction: Interaction): (text: string) => InteractionResult {
  return (text) => {
    const view = noticeView('Nothing was decided', text);
    return interaction.kind === 'click'
      ? { ack: null, next: { kind: 'update', view } }
      : { ack: { response_action: 'update', view }, next: null };
  };
}

type Say = (text: string) => InteractionResult;

async function clicked(terms: InteractionTerms, click: Click, say: Say): Promise<InteractionResult> {
  if (click.action === 'open_console') return DONE;
  const choice = choiceOf(click.action);
  const given = readButtonValue(click.value);
  if (given === null) return say(doorWords('other_call'));
  const direct = click.action === 'approve' && click.on.kind === 'message';
  // The button of a whole card; judged once more here, because a button is what somebody sent.
  const known = direct ? terms.recall(given.approval) : null;
  const isWhole = (approval: Approval): boolean => direct && cardIsWhole(terms, approval);
  const entry = await enter(terms, click, given, whereOf(click.on), choice, say, known);
  if ('refusal' in entry) return entry.refusal;
  const { approval, approver, from, seen } = entry;

  if (approval === known?.approval || isWhole(approval)) {
    const saw: Saw = { surface: 'card', revision: click.revision };
    const word = { ...wordOf('approve', null, given), saw };
    return decided(await terms.decide(approval.id, word, approver, seen), say);
  }
  if (choice !== 'details') {
    const refusal = await wouldRefuse(terms, approval, approver, given, choice, say);
    if (refusal !== null) return refusal;
  }
  const view = click.action === 'deny' ? denyView(approval, from) : page(terms, click, approval, approver, from);
  return { ack: null, next: { kind: click.on.kind === 'message' ? 'open' : 'update', view } };
}

function choiceOf(action: CardAction): Choice | 'details' {
  if (action === 'deny') return 'deny';
  return action === 'approve' || action === 'review' ? 'approve' : 'details';
}

function cardIsWhole({ publicUrl }: InteractionTerms, approval: Approval): boolean {
  return cardIsComplete(approval, { publicUrl: publicUrl ?? null });
}

function page(
  terms: InteractionTerms,
  click: Click,
  approval: Approval,
  approver: Approver,
  from: CardPlace,
): ModalView {
  const at = click.on.kind === 'view' ? (readViewMemory(click.on.memory)?.page ?? 0) : 0;
  const step = click.action === 'next_page' ? 1 : click.action === 'previous_page' ? -1 : 0;
  const word = wordOf('approve', null, { approval: approval.id, fingerprint: approval.fingerprint });
  const may = judge(approval, word, approver, terms.clock.now()).kind === 'recorded';
  return fullView(approval, from, Math.max(0, at + step), may);
}

async function submitted(terms: InteractionTerms, submission: Submission, say: Say): Promise<InteractionResult> {
  const memory = readViewMemory(submission.memory);
  if (memory === null) return say(doorWords('other_call'));
  const choice: Choice = submission.view === 'deny_view' ? 'deny' : 'approve';
  const entry = await enter(terms, submission, memory, memory, choice, say);
  if ('refusal' in entry) return entry.refusal;
  const saw: Saw = { surface: choice === 'deny' ? 'deny_form' : 'full_view', revision: null };
  const word = { ...wordOf(choice, submission.words, memory), saw };
  const outcome = await terms.decide(memory.approval, word, entry.approver, entry.seen);
  if (outcome.kind === 'refused' && outcome.reason === 'reason_required') {
    return {
      ack: { response_action: 'errors', errors: { [REASON_INPUT.block]: 'The policy wants a reason.' } },
      next: null,
    };
  }
  const handled = decided(outcome, say);
  return outcome.kind === 'recorded' ? { ack: { response_action: 'clear' }, next: null } : handled;
}

interface Entry {
  readonly approval: Approval;
  readonly approver: Approver;
  readonly from: CardPlace;
  /** null: the card's record was changed on the way in. */
  readonly seen: SeenApproval | null;
}

/** The checks that every click passes: a person of ours, on the card itself, about the call that the card showed. */
async function enter(
  terms: InteractionTerms,
  { who }: Pick<Interaction, 'who'>,
  given: ButtonValue,
  from: CardPlace | null,
  choice: string,
  say: Say,
  known: SeenApproval | null = null,
): Promise<Entry | { refusal: InteractionResult }> {
  const found = known ?? (await terms.look(given.approval));
  if (found === null) {
    await terms.refused(given.approval, who.user, 'not_found', choice);
    return { refusal: say(CLICK_NOTICES.notFound) };
  }
  const { approval, card } = found;
  const refuse = async (reason: DoorRefusal) => {
    await terms.refused(approval.id, who.user, reason, choice);
    return { refusal: say(doorWords(reason)) };
  };
  const identified = await identify(terms, who, approval);
  if (identified.kind === 'cannot_tell') {
    // Who cannot be looked up may not be reachable either: the record at least says that the click did not count.
    await terms.refused(approval.id, who.user, 'cannot_tell', choice);
    return { refusal: say(CLICK_NOTICES.cannotTell) };
  }
  if (identified.kind === 'refused') return refuse(identified.reason);
  if (!approval.fingerprint.startsWith(given.fingerprint)) return refuse('other_call');
  const place = from === null ? 'elsewhere' : placeOfClick(terms.routing, approval, card, from);
  // Its card may have moved since: nobody is refused on a memory.
  if (place !== 'card' && known !== null) return enter(terms, { who }, given, from, choice, say);
  if (place === 'elsewhere' || from === null) return refuse('wrong_message');
  if (place === 'adopt') await terms.adopt(approval.id, from.channel, from.ts);
  return { approval, approver: identified.approver, from, seen: place === 'adopt' ? null : found };
}

/** A click that opens a window is judged first, so that nobody writes a reason for nothing. */
async function wouldRefuse(
  terms: InteractionTerms,
  approval: Approval,
  approver: Approver,
  given: ButtonValue,
  choice: Choice,
  say: Say,
): Promise<InteractionResult | null> {
  const judgement = judge(approval, wordOf(choice, 'to be asked', given), approver, terms.clock.now());
  if (judgement.kind !== 'refused') return null;
  await terms.refused(approval.id, approver.id, judgement.reason, choice);
  return say(refusalWords(judgement.reason, approval));
}

function decided(outcome: Decided, say: Say): InteractionResult {
  switch (outcome.kind) {
    case 'recorded':
      return outcome.approval.state === 'pending'
        ? tell(`Your approval is recorded. ${quorumSoFar(outcome.approval)}.`)
        : DONE;
    case 'refused':
      return say(refusalWords(outcome.reason, outcome.approval));
    case 'not_found':
      return say(CLICK_NOTICES.notFound);
    default:
      return outcome satisfies never;
  }
}

function wordOf(choice: Choice, reason: string | null, { fingerprint }: ButtonValue): Utterance {
  return { choice, reason, fingerprint };
}

function whereOf(on: OnMessage | OnView): CardPlace | null {
  return on.kind === 'message' ? on : readViewMemory(on.memory);
}
