import { type Approval, needsNoCard } from '../../domain/approval/approval.ts';
import type { Freeze } from '../../domain/freeze/freeze.ts';
import { member } from '../../domain/json/json.ts';
import type { CardDelivery, CardRecord, Clock, Crowd, Delivery, Log } from '../../ports.ts';
import type { RenderedCard } from '../card/card.ts';
import { cardDigest, crowdedLine, replyAfter, threadProgress } from '../card/thread.ts';
import type { CardPlace } from '../place/card-place.ts';
import { ChannelCheck } from '../place/channels.ts';
import { openDirectMessage } from '../place/direct-message.ts';
import { channelFor, isSlackPerson, onlyApprover, type Routing } from '../place/routing.ts';
import type { SlackApi } from '../wire/api.ts';
import { sendDirectLines } from './direct-lines.ts';
import { findEarlierCard } from './earlier-card.ts';
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

  constructor(options: CardPosterOptions) {
    this.#options = options;
    this.#publicUrl = options.publicUrl ?? null;
    this.#channelCheck = new ChannelCheck(options.api, options.clock);
  }

  async show(approval: Approval, stored: CardRecord | null, freeze: Freeze | null = null): Promise<CardDelivery> {
    const target = stored?.channel ? { channel: stored.channel } : await this.#target(approval);
    if ('delivery' in target) return target.delivery;
    const { channel } = target;
    const refusal = await this.#channelCheck.refusal(channel);
    if (refusal !== null) return refusal;
    if (stored === null) return this.#post(approval, channel, freeze);
    if (stored.ts) return this.#update(approval, stored, { channel, ts: stored.ts }, freeze);
    const earlier = await findEarlierCard(this.#options.api, approval, channel);
    if (earlier === null) return needsNoCard(approval) ? { kind: 'unneeded' } : this.#post(approval, channel, freeze);
    if ('delivery' in earlier) return earlier.delivery;
    return this.#update(approval, stored, { channel, ts: earlier.ts }, freeze);
  }

  /** One line instead of more cards. */
  async crowded(call: Pick<Approval, 'grant' | 'server' | 'tool'>, crowd: Crowd): Promise<Delivery> {
    const channel = channelFor(this.#options.routing, call);
    const refusal = await this.#channelCheck.refusal(channel);
    return refusal ?? postReply(this.#options.api, channel, null, crowdedLine(call.grant, crowd));
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

  async #post(approval: Approval, channel: string, freeze: Freeze | null): Promise<Delivery> {
    const { answer, card } = await sendCard(
      this.#options.api,
      'chat.postMessage',
      approval,
      { channel },
      { publicUrl: this.#publicUrl, freeze },
    );
    if (!answer.ok) return undelivered(answer.failure);
    const [postedIn, ts] = [member(answer.body, 'channel'), member(answer.body, 'ts')];
    if (typeof postedIn !== 'string' || typeof ts !== 'string') {
      return { kind: 'later', afterMs: 5000, why: 'Slack did not say where it put the card', ambiguous: true };
    }
    const place = { channel: postedIn, ts };
    await this.#notifyDirectly(approval, approval.requirement.people, place);
    return shown(approval, place, card);
  }

  async #update(approval: Approval, stored: CardRecord, place: CardPlace, freeze: Freeze | null): Promise<Delivery> {
    const { api, log } = this.#options;
    const shows = { publicUrl: this.#publicUrl, freeze };
    const { answer, card } = await sendCard(api, 'chat.update', approval, { ...place }, shows);
    if (!answer.ok) {
      const failed = undelivered(answer.failure);
      // An update can be repeated without harm.
      return failed.kind === 'later' ? { ...failed, ambiguous: false } : failed;
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
      await this.#notifyDirectly(approval, approval.requirement.escalate?.people ?? [], place);
    }
    return shown(approval, place, card);
  }

  async #notifyDirectly(approval: Approval, people: readonly string[], place: CardPlace): Promise<void> {
    const { api, routing, log } = this.#options;
    if (routing.direct !== 'beside' || approval.state !== 'pending') return;
    await sendDirectLines(api, log, approval, people.filter(isSlackPerson), place);
  }
}

function shown(approval: Approval, { channel, ts }: CardPlace, card: RenderedCard): Delivery {
  const { content, digest, complete } = card;
  return { kind: 'shown', channel, ts, digest: cardDigest(approval, digest), content, whole: complete };
}
