import type { Approval } from '../../domain/approval/approval.ts';
import { type JsonObject, member } from '../../domain/json/json.ts';
import type { Delivery, ToldTogether } from '../../ports.ts';
import { type CardOptions, type RenderedCard, renderCard } from '../card/card.ts';
import { renderDigest } from '../card/digest.ts';
import type { ThreadReply } from '../card/thread.ts';
import { isUnwelcome, type SlackAnswer, type SlackApi, type SlackFailure } from '../wire/api.ts';

/** The type of a card's message metadata, by which a card is found again. */
export const CARD_EVENT = 'holdfast_approval';

export interface SentCard {
  readonly answer: SlackAnswer;
  readonly card: RenderedCard;
}

/** Posts or updates a card; once more without rich text if Slack refuses its blocks. */
export async function sendCard(
  api: SlackApi,
  method: 'chat.postMessage' | 'chat.update',
  approval: Approval,
  where: JsonObject,
  shows: Pick<CardOptions, 'allowance' | 'freeze' | 'publicUrl'> & { readonly together?: ToldTogether },
): Promise<SentCard> {
  const event_payload = { approval: approval.id, revision: approval.revision };
  const noUnfurling: JsonObject = method === 'chat.postMessage' ? { unfurl_links: false, unfurl_media: false } : {};
  const send = async (plainText: boolean): Promise<SentCard> => {
    const { together } = shows;
    const card =
      together === undefined
        ? renderCard(approval, { ...shows, plainText })
        : renderDigest(together, { publicUrl: shows.publicUrl ?? null });
    const { text, blocks } = card;
    const metadata = { event_type: CARD_EVENT, event_payload };
    return { card, answer: await api.call(method, { ...where, text, blocks, metadata, ...noUnfurling }) };
  };
  const sent = await send(false);
  return !sent.answer.ok && sent.answer.failure.code.startsWith('invalid_blocks') ? send(true) : sent;
}

/** Posts a reply in a card's thread, or in the channel itself if there is no thread. */
export async function postReply(
  api: SlackApi,
  channel: string,
  thread: string | null,
  { text, blocks }: ThreadReply,
): Promise<Delivery> {
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
  if (isUnwelcome(failure.code)) return { kind: 'unwelcome', why };
  return failure.retryable
    ? { kind: 'later', afterMs: failure.afterMs, why, ambiguous: failure.ambiguous }
    : { kind: 'never', why };
}
