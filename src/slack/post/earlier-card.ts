import type { Approval } from '../../domain/approval/approval.ts';
import { type Json, member } from '../../domain/json/json.ts';
import type { Delivery } from '../../ports.ts';
import type { SlackApi } from '../wire/api.ts';
import type { OwnMessages } from './own-messages.ts';
import { CARD_EVENT, undelivered } from './send.ts';

/** How many pages of 200 messages are searched. */
const MOST_PAGES = 10;

/**
 * The `ts` of a card that an earlier, unanswered post may have left; null if there is none or the app may not look. A
 * delivery if Slack did not answer: then nothing is known, and posting now might make a second card. Only our own app's
 * messages count: whoever else posts the same metadata could keep the question from being posted at all.
 */
export async function findEarlierCard(
  api: SlackApi,
  own: OwnMessages,
  approval: Approval,
  channel: string,
  /** The `ts` of one that does not count. */
  except: string | null = null,
): Promise<{ readonly ts: string } | { readonly delivery: Delivery } | null> {
  const oldest = Math.floor(approval.createdAt.getTime() / 1000) - 60;
  const args = { channel, include_all_metadata: true, limit: 200, oldest: String(oldest) };
  let cursor: string | null = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await api.call('conversations.history', cursor === null ? args : { ...args, cursor });
    if (!answer.ok) {
      // Without the scope, a second card is better than none; without an answer, it is better to ask again.
      if (answer.failure.code === 'missing_scope' || !answer.failure.retryable) return null;
      return { delivery: undelivered(answer.failure) };
    }
    const messages = member(answer.body, 'messages');
    const like = (Array.isArray(messages) ? messages : []).filter(
      (message) => isCardOf(message, approval.id) && member(message, 'ts') !== except,
    );
    const found = await own.first(like);
    if ('failure' in found) return found.failure.retryable ? { delivery: undelivered(found.failure) } : null;
    const ts = found.message === null ? null : member(found.message, 'ts');
    if (typeof ts === 'string') return { ts };
    const next = member(member(answer.body, 'response_metadata'), 'next_cursor');
    if (typeof next !== 'string' || next === '') return null;
    cursor = next;
  }
  return null;
}

function isCardOf(message: Json, approval: string): boolean {
  const metadata = member(message, 'metadata');
  return (
    member(metadata, 'event_type') === CARD_EVENT && member(member(metadata, 'event_payload'), 'approval') === approval
  );
}
