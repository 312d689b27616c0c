import type { Approval } from '../domain/approval.ts';
import { isObject, type JsonObject, member } from '../domain/json.ts';
import type { CardRecord, Cards, Clock, Delivery, Log } from '../ports.ts';
import { type CardOptions, type RenderedCard, renderCard } from './card/card.ts';
import { escapedMrkdwn, personMention } from './card/escape.ts';
import { cardDigest, crowdedLine, replyAfter, type ThreadReply, threadProgress } from './card/thread.ts';
import type { People } from './people/people.ts';
import { stillEligible } from './people/still-eligible.ts';
import { ChannelCheck } from './place/channels.ts';
import { channelFor, onlyApprover, type Routing } from './place/routing.ts';
import type { SlackAnswer, SlackApi, SlackFailure } from './wire/api.ts';

export interface SlackCardsOptions {
  readonly api: SlackApi;
  /** Those of the home that counts now. */
  readonly people: () => People;
  readonly routing: Routing;
  readonly clock: Clock;
  readonly log: Log;
  readonly publicUrl?: string | null | undefined;
}

const EVENT = 'holdfast_approval';
/** Pages of 200 messages that are looked through for a card whose post was not answered. */
const MOST_PAGES = 10;

export function slackCards(options: SlackCardsOptions): Cards {
  const { people } = options;
  const post = new Posting(options);
  return {
    show: (approval, at) => post.show(approval, at),
    stillEligible: (approval) => stillEligible(people(), approval),
    crowded: (call, pending) => post.crowded(call, pending),
  };
}

class Posting {
  readonly #options: SlackCardsOptions;
  readonly #channels: ChannelCheck;

  constructor(options: SlackCardsOptions) {
    this.#options = options;
    this.#channels = new ChannelCheck(options.api, options.clock);
  }

  async show(approval: Approval, at: CardRecord | null): Promise<Delivery> {
    const place = at?.channel ? { channel: at.channel } : await this.#place(approval);
    if ('delivery' in place) return place.delivery;
    const { channel } = place;
    const refusal = await this.#channels.refusal(channel);
    if (refusal !== null) return refusal;
    if (at?.ts) return this.#update(approval, at, channel, at.ts);
    if (at !== null) {
      const found = await this.#earlier(approval, channel);
      if (typeof found !== 'string' && found !== null) return found;
      if (found !== null) return this.#update(approval, at, channel, found);
    }
    return this.#post(approval, channel);
  }

  async crowded(call: Pick<Approval, 'grant' | 'server' | 'tool'>, pending: number): Promise<Delivery> {
    const channel = channelFor(this.#options.routing, call);
    const refusal = await this.#channels.refusal(channel);
    return refusal ?? say(this.#options.api, channel, null, crowdedLine(call.grant, pending));
  }

  /** The channel the card goes to, opened first where it is a person's direct messages. */
  async #place(approval: Approval): Promise<{ channel: string } | { delivery: Delivery }> {
    const { api, routing, log } = this.#options;
    const only = onlyApprover(routing, approval);
    if (only === null) return { channel: channelFor(routing, approval) };
    const opened = await api.call('conversations.open', { users: only });
    const channel = opened.ok ? member(member(opened.body, 'channel'), 'id') : undefined;
    if (typeof channel === 'string') return { channel };
    if (!opened.ok && opened.failure.retryable) return { delivery: undelivered(opened.failure) };
    log.warn({ approval: approval.id }, 'the approver cannot be written to directly; the card goes to the channel');
    return { channel: channelFor(routing, approval) };
  }

  async #post(approval: Approval, channel: string): Promise<Delivery> {
    const sent = await this.#send('chat.postMessage', approval, { channel });
    if (!sent.answer.ok) return undelivered(sent.answer.failure);
    const [at, ts] = [member(sent.answer.body, 'channel'), member(sent.answer.body, 'ts')];
    if (typeof at !== 'string' || typeof ts !== 'string') {
      return { kind: 'later', afterMs: 5000, why: 'Slack did not say where it put the card', ambiguous: true };
    }
    await this.#tellBeside(approval, approval.requirement.people, at, ts);
    return shown(approval, at, ts, sent);
  }

  async #update(approval: Approval, at: CardRecord, channel: string, ts: string): Promise<Delivery> {
    const sent = await this.#send('chat.update', approval, { channel, ts });
    if (!sent.answer.ok)
      return { ...undelivered(sent.answer.failure), ...(sent.answer.failure.retryable ? { ambiguous: false } : {}) };
    const told = threadProgress(at.digest);
    const reply = replyAfter(told, approval);
    if (reply !== null) {
      const said = await say(this.#options.api, channel, ts, reply);
      // A reply that may be there is not repeated; one that is certainly not there is, with the card.
      if (said.kind === 'later' && !said.ambiguous) return said;
      if (said.kind !== 'shown')
        this.#options.log.warn({ approval: approval.id, why: said.why }, 'no reply in the thread');
    }
    if (approval.escalatedAt !== null && !told.escalated) {
      await this.#tellBeside(approval, approval.requirement.escalate?.people ?? [], channel, ts);
    }
    return shown(approval, channel, ts, sent);
  }

  /** Sends the card; once more without rich text when Slack does not know its blocks. */
  async #send(method: string, approval: Approval, where: JsonObject): Promise<ShownParts & { answer: SlackAnswer }> {
    for (const plainText of [false, true]) {
      const options: CardOptions = { publicUrl: this.#options.publicUrl ?? null, plainText };
      const { text, blocks, content, digest, complete: whole } = renderCard(approval, options);
      const metadata = { event_type: EVENT, event_payload: { approval: approval.id, revision: approval.revision } };
      const quiet: JsonObject = method === 'chat.postMessage' ? { unfurl_links: false, unfurl_media: false } : {};
      const answer = await this.#options.api.call(method, { ...where, text, blocks, metadata, ...quiet });
      if (plainText || answer.ok || !answer.failure.code.startsWith('invalid_blocks'))
        return { answer, content, digest, whole };
    }
    throw new Error('not reached');
  }

  /** The `ts` of a card that an earlier, unanswered post may have left; null when there is none or it cannot be seen. */
  async #earlier(approval: Approval, channel: string): Promise<string | null | Delivery> {
    const oldest = Math.floor(approval.createdAt.getTime() / 1000) - 60;
    const args = { channel, include_all_metadata: true, limit: 200, oldest: String(oldest) };
    let cursor: string | null = null;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const answer = await this.#options.api.call(
        'conversations.history',
        cursor === null ? args : { ...args, cursor },
      );
      if (!answer.ok) {
        // Without the scope a second card is better than none; without an answer it is better to ask again.
        if (answer.failure.code === 'missing_scope' || !answer.failure.retryable) return null;
        return undelivered(answer.failure);
      }
      const messages = member(answer.body, 'messages');
      const own = (Array.isArray(messages) ? messages : []).find((message) => isCardOf(message, approval.id));
      const ts = member(own, 'ts');
      if (typeof ts === 'string') return ts;
      const next = member(member(answer.body, 'response_metadata'), 'next_cursor');
      if (typeof next !== 'string' || next === '') return null;
      cursor = next;
    }
    return null;
  }

  /** A line with a link to each person named. Best effort: the card is what counts. */
  async #tellBeside(approval: Approval, people: readonly string[], channel: string, ts: string): Promise<void> {
    const { api, routing, log } = this.#options;
    if (routing.direct !== 'beside' || approval.state !== 'pending') return;
    const link = await api.call('chat.getPermalink', { channel, message_ts: ts });
    const url = link.ok ? member(link.body, 'permalink') : undefined;
    const where = typeof url === 'string' ? `<${url}|Open the card>` : `See <#${channel}>`;
    const call = escapedMrkdwn(`${approval.server}.${approval.tool}`);
    const text = `A call of ${call} on behalf of ${approval.owner ? personMention(approval.owner) : 'nobody'} waits for you. ${where}.`;
    for (const user of people) {
      const opened = await api.call('conversations.open', { users: user });
      const to = opened.ok ? member(member(opened.body, 'channel'), 'id') : undefined;
      const sent =
        typeof to === 'string' && (await api.call('chat.postMessage', { channel: to, text, unfurl_links: false })).ok;
      if (!sent) log.warn({ approval: approval.id, user }, 'an approver could not be written to directly');
    }
  }
}

type ShownParts = Pick<RenderedCard, 'content' | 'digest'> & { readonly whole: boolean };

function shown(approval: Approval, channel: string, ts: string, { content, digest, whole }: ShownParts): Delivery {
  return { kind: 'shown', channel, ts, digest: cardDigest(approval, digest), content, whole };
}

function isCardOf(message: unknown, approval: string): boolean {
  const metadata = member(message, 'metadata');
  return (
    isObject(metadata) &&
    metadata.event_type === EVENT &&
    member(member(metadata, 'event_payload'), 'approval') === approval
  );
}

async function say(api: SlackApi, channel: string, thread: string | null, reply: ThreadReply): Promise<Delivery> {
  const { text, blocks } = reply;
  const answer = await api.call('chat.postMessage', {
    channel,
    text,
    blocks,
    unfurl_links: false,
    unfurl_media: false,
    ...(thread === null ? {} : { thread_ts: thread }),
  });
  if (!answer.ok) return undelivered(answer.failure);
  return { kind: 'shown', channel, ts: String(member(answer.body, 'ts') ?? ''), digest: '' };
}

export function undelivered(failure: SlackFailure): Exclude<Delivery, { kind: 'shown' }> {
  const why = `Slack: ${failure.code}`;
  return failure.retryable
    ? { kind: 'later', afterMs: failure.afterMs, why, ambiguous: failure.ambiguous }
    : { kind: 'never', why };
}
