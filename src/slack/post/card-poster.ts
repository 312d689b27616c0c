import { type Approval, needsNoCard } from '../../domain/approval/approval.ts';
import type { Circle } from '../../domain/approval/circle.ts';
import { member } from '../../domain/json/json.ts';
import type {
  BesideCard,
  CardDelivery,
  CardRecord,
  ChannelLine,
  Clock,
  Crowd,
  Delivery,
  Log,
  ToldTogether,
} from '../../ports.ts';
import type { RenderedCard } from '../card/card.ts';
import { digestReply, toldProgress } from '../card/digest.ts';
import { cardDigest, channelLine, crowdedLine, replyAfter, threadProgress } from '../card/thread.ts';
import type { CardPlace } from '../place/card-place.ts';
import { ChannelCheck } from '../place/channels.ts';
import { openDirectMessage } from '../place/direct-message.ts';
import { channelFor, isSlackPerson, onlyApprover, type Routing } from '../place/routing.ts';
import { isMessageGone, isUnwelcome, type SlackApi } from '../wire/api.ts';
import { sendDirectLines, sendReminder } from './direct-lines.ts';
import { findEarlierCard } from './earlier-card.ts';
import { OwnMessages } from './own-messages.ts';
import { postReply, sendCard, undelivered } from './send.ts';

export interface CardPosterOptions {
  readonly api: SlackApi;
  readonly routing: Routing;
  readonly clock: Clock;
  readonly log: Log;
  readonly publicUrl?: string | null | undefined;
}

/** Posts cards, keeps them up to date, and tells their threads what changed. */
export class CardPoster {
  readonly #options: CardPosterOptions;
  readonly #publicUrl: string | null;
  readonly #channelCheck: ChannelCheck;
  readonly #own: OwnMessages;

  constructor(options: CardPosterOptions) {
    this.#options = options;
    this.#publicUrl = options.publicUrl ?? null;
    this.#channelCheck = new ChannelCheck(options.api, options.clock);
    this.#own = new OwnMessages(options.api);
  }

  /**
   * | the card | its channel takes it | it does not, until somebody mends it |
   * |---|---|---|
   * | was never posted | posted | posted in the fallback; without one, later |
   * | is where it was | updated | the call waits for a decision: posted in the fallback; without one, later |
   * | was deleted, or cannot be changed | the call waits for a decision: posted anew; else nothing | the same as above |
   */
  async show(approval: Approval, stored: CardRecord | null, beside: BesideCard = {}): Promise<CardDelivery> {
    const target = stored?.channel ? { channel: stored.channel } : await this.#target(approval);
    if ('delivery' in target) return target.delivery;
    const { channel } = target;
    const delivery = await this.#showIn(channel, approval, stored, beside);
    if (delivery.kind !== 'unwelcome' || !waits(approval, beside)) return delivery;
    const { routing, log } = this.#options;
    // A message that was posted there is out of reach; whatever was posted elsewhere may be found again.
    const elsewhere = stored === null ? null : { ...stored, ts: null };
    for (const other of new Set([channelFor(routing, approval), routing.fallback])) {
      if (other === undefined || other === channel) continue;
      const shown = await this.#showIn(other, approval, elsewhere, beside);
      if (shown.kind === 'shown') {
        log.warn({ approval: approval.id, channel, why: delivery.why }, `the card went to ${other} instead`);
      }
      if (shown.kind !== 'unwelcome') return shown;
    }
    return delivery;
  }

  async #showIn(
    channel: string,
    approval: Approval,
    stored: CardRecord | null,
    beside: BesideCard,
  ): Promise<CardDelivery> {
    const refusal = await this.#channelCheck.refusal(channel);
    if (refusal !== null) return refusal;
    if (stored === null) return this.#post(approval, channel, beside);
    if (stored.ts) return this.#update(approval, stored, { channel, ts: stored.ts }, beside);
    const earlier = await findEarlierCard(this.#options.api, this.#own, approval, channel);
    if (earlier === null) return needsNoCard(approval) ? { kind: 'unneeded' } : this.#post(approval, channel, beside);
    if ('delivery' in earlier) return earlier.delivery;
    return this.#update(approval, stored, { channel, ts: earlier.ts }, beside);
  }

  async isGone({ channel, ts }: CardPlace): Promise<boolean> {
    const answer = await this.#options.api.call('chat.getPermalink', { channel, message_ts: ts });
    return !answer.ok && (isMessageGone(answer.failure.code) || isUnwelcome(answer.failure.code));
  }

  /** One line instead of more cards. */
  async crowded(call: Pick<Approval, 'grant' | 'server' | 'tool'>, crowd: Crowd): Promise<Delivery> {
    const { api, routing } = this.#options;
    const line = crowdedLine(call.grant, crowd);
    const post = async (channel: string): Promise<Delivery> =>
      (await this.#channelCheck.refusal(channel)) ?? postReply(api, channel, null, line);
    const delivery = await post(channelFor(routing, call));
    return delivery.kind === 'unwelcome' && routing.fallback !== undefined ? post(routing.fallback) : delivery;
  }

  /** One line to the channel of cards that have no other. */
  async tell(line: ChannelLine): Promise<Delivery> {
    const { api, routing } = this.#options;
    const post = async (channel: string): Promise<Delivery> =>
      (await this.#channelCheck.refusal(channel)) ?? postReply(api, channel, null, channelLine(line));
    const delivery = await post(routing.channel);
    return delivery.kind === 'unwelcome' && routing.fallback !== undefined ? post(routing.fallback) : delivery;
  }

  async remindPerson(approval: Approval, at: CardRecord | null, user: string): Promise<boolean> {
    const { api, log } = this.#options;
    return sendReminder(api, log, approval, user, at?.ts ? { channel: at.channel, ts: at.ts } : null);
  }

  /** The channel that a new card goes to; if that is a person's direct messages, they are opened first. */
  async #target(approval: Approval): Promise<{ channel: string } | { delivery: Delivery }> {
    const { api, routing, log } = this.#options;
    const person = onlyApprover(routing, approval);
    if (person === null) return { channel: channelFor(routing, approval) };
    const direct = await openDirectMessage(api, person);
    if ('channel' in direct) return direct;
    if (direct.failure?.retryable) return { delivery: undelivered(direct.failure) };
    log.warn({ approval: approval.id }, 'the approver cannot be sent direct messages; the card goes to the channel');
    return { channel: channelFor(routing, approval) };
  }

  async #post(approval: Approval, channel: string, beside: BesideCard): Promise<Delivery> {
    const { answer, card } = await sendCard(
      this.#options.api,
      'chat.postMessage',
      approval,
      { channel },
      { publicUrl: this.#publicUrl, ...beside },
    );
    if (!answer.ok) return undelivered(answer.failure);
    const [postedIn, ts] = [member(answer.body, 'channel'), member(answer.body, 'ts')];
    if (typeof postedIn !== 'string' || typeof ts !== 'string') {
      return { kind: 'later', afterMs: 5000, why: 'Slack did not say where it put the card', ambiguous: true };
    }
    const place = { channel: postedIn, ts };
    await this.#notifyDirectly(approval, toldOf(approval.requirement), place);
    return beside.together === undefined
      ? shown(approval, place, card)
      : shownTogether(approval, place, card, beside.together);
  }

  /** A digest's thread tells of reminders and escalations only: what became of each call is in the digest itself. */
  async #tellOfDigest({ calls }: ToldTogether, place: CardPlace): Promise<void> {
    const { api, log } = this.#options;
    const reply = digestReply(calls);
    if (reply !== null) {
      const replied = await postReply(api, place.channel, place.ts, reply);
      if (replied.kind !== 'shown') log.warn({ why: replied.why }, 'no reply in the thread of a digest');
    }
    const escalated = calls.find(
      ({ approval, card }) => approval.escalatedAt !== null && !toldProgress(card).escalated,
    );
    if (escalated !== undefined) {
      const { approval } = escalated;
      await this.#notifyDirectly(approval, toldOf(approval.requirement.escalate), place);
    }
  }

  /** The channel of a new card, or the person whose direct messages it goes to. */
  placeKey(approval: Approval): string {
    const { routing } = this.#options;
    return onlyApprover(routing, approval) ?? channelFor(routing, approval);
  }

  async #update(
    approval: Approval,
    stored: CardRecord,
    place: CardPlace,
    beside: BesideCard,
    /** It was found in place of one that is gone: if it is gone too, a new one is posted, and none is looked for. */
    isSecond = false,
  ): Promise<Delivery> {
    const { api, log } = this.#options;
    const shows = { publicUrl: this.#publicUrl, ...beside };
    const { answer, card } = await sendCard(api, 'chat.update', approval, { ...place }, shows);
    if (!answer.ok) {
      if (isMessageGone(answer.failure.code) && waits(approval, beside)) {
        return isSecond ? this.#post(approval, place.channel, beside) : this.#replace(approval, stored, place, beside);
      }
      const failed = undelivered(answer.failure);
      // An update can be repeated without harm.
      return failed.kind === 'later' ? { ...failed, ambiguous: false } : failed;
    }
    if (beside.together !== undefined) {
      await this.#tellOfDigest(beside.together, place);
      return shownTogether(approval, place, card, beside.together);
    }
    const progress = threadProgress(stored.digest);
    const reply = replyAfter(progress, approval);
    if (reply !== null) {
      const replied = await postReply(api, place.channel, place.ts, reply);
      // A reply that may have been posted is not repeated; one that certainly was not is, together with the card.
      if (replied.kind === 'later' && !replied.ambiguous) return replied;
      if (replied.kind !== 'shown') log.warn({ approval: approval.id, why: replied.why }, 'no reply in the thread');
    }
    if (approval.escalatedAt !== null && !progress.escalated) {
      await this.#notifyDirectly(approval, toldOf(approval.requirement.escalate), place);
    }
    return shown(approval, place, card);
  }

  /** The message is gone, and people must be able to decide: a new card, unless a lost answer has left one already. */
  async #replace(
    approval: Approval,
    stored: CardRecord,
    { channel, ts }: CardPlace,
    beside: BesideCard,
  ): Promise<Delivery> {
    const { api, log } = this.#options;
    const earlier = await findEarlierCard(api, this.#own, approval, channel, ts);
    if (earlier !== null && 'delivery' in earlier) return earlier.delivery;
    if (earlier !== null) {
      return this.#update(approval, { ...stored, digest: '' }, { channel, ts: earlier.ts }, beside, true);
    }
    log.warn({ approval: approval.id, channel, ts }, 'the card is gone; it is posted anew');
    return this.#post(approval, channel, beside);
  }

  async #notifyDirectly(approval: Approval, people: readonly string[], place: CardPlace): Promise<void> {
    const { api, routing, log } = this.#options;
    if (routing.direct !== 'beside' || approval.state !== 'pending') return;
    await sendDirectLines(api, log, approval, people.filter(isSlackPerson), place);
  }
}

/** Somebody can still decide something on it. */
function waits(approval: Approval, { together }: BesideCard): boolean {
  return approval.state === 'pending' || (together?.calls.some((call) => call.approval.state === 'pending') ?? false);
}

function shownTogether(approval: Approval, place: CardPlace, card: RenderedCard, { calls }: ToldTogether): Delivery {
  const digests = new Map(calls.map((call) => [call.approval.id, cardDigest(call.approval, card.digest)]));
  return {
    ...shown(approval, place, card),
    kind: 'shown',
    ...place,
    digest: digests.get(approval.id) ?? '',
    digests,
    whole: false,
  };
}

function shown(approval: Approval, { channel, ts }: CardPlace, card: RenderedCard): Delivery {
  const { content, digest, complete } = card;
  return { kind: 'shown', channel, ts, digest: cardDigest(approval, digest), content, whole: complete };
}

/** Whom a direct message tells: the people of a circle, and who stands in for them. */
function toldOf(circle: Circle | null): readonly string[] {
  return [...new Set([...(circle?.people ?? []), ...(circle?.standIns ?? []).map(({ by }) => by)])];
}
