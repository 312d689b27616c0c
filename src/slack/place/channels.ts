import { type JsonObject, member } from '../../domain/json/json.ts';
import type { Clock, Delivery } from '../../ports.ts';
import { isUnwelcome, type SlackApi, type SlackFailure } from '../wire/api.ts';

const FRESH_MS = 60_000;

/** Whether a channel may hold a card: not if outsiders read it. Each channel is looked up at most once a minute. */
export class ChannelCheck {
  readonly #api: SlackApi;
  readonly #clock: Clock;
  readonly #kept = new Map<string, { refusal: Delivery | null; at: number }>();

  constructor(api: SlackApi, clock: Clock) {
    this.#api = api;
    this.#clock = clock;
  }

  /** Null if a card may be posted here. A channel that cannot be looked up gets no card. */
  async refusal(channel: string): Promise<Delivery | null> {
    // Only one person and the app read a direct message, and who may decide is checked at the click.
    if (channel.startsWith('D')) return null;
    const now = this.#clock.now().getTime();
    const kept = this.#kept.get(channel);
    if (kept !== undefined && now - kept.at < FRESH_MS) return kept.refusal;
    const answer = await this.#api.call('conversations.info', { channel });
    if (!answer.ok) return unknown(answer.failure);
    const info = member(answer.body, 'channel') as JsonObject | undefined;
    const refusal = sharedOutside(info ?? {}) ? SHARED : null;
    this.#kept.set(channel, { refusal, at: now });
    return refusal;
  }
}

const SHARED: Delivery = { kind: 'unwelcome', why: 'the channel is shared with another organisation' };

/** `is_org_shared` stays within one Grid organisation; these two reach outside it, or are about to. */
export function sharedOutside(info: JsonObject): boolean {
  return info.is_ext_shared === true || info.is_pending_ext_shared === true;
}

function unknown({ code, retryable, afterMs }: SlackFailure): Delivery {
  const why = `Slack did not say whether the channel is shared: ${code}`;
  if (retryable) return { kind: 'later', afterMs, why, ambiguous: false };
  return { kind: isUnwelcome(code) ? 'unwelcome' : 'never', why };
}
