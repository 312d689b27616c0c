import type { Approval } from '../../domain/approval/approval.ts';
import { member } from '../../domain/json/json.ts';
import type { Delivery } from '../../ports.ts';
import type { SlackApi } from '../wire/api.ts';
import { CARD_EVENT, undelivered } from './send.ts';

/** How many pages of 200 messages are searched. */
const MOST_PAGES = 10;

/**
 * The `ts` of a card that an earlier, unanswered post may have left; null if there is none or the app may not look. A
 * delivery if Slack did not answer: then nothing is known, and posting now might make a second card.
 */
export async function findEarlierCard(
  api: SlackApi,
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
    const card = (Array.isArray(messages) ? messages : []).find(
      (message) => isCardOf(message, approval.id) && member(message, 'ts') !== except,
    );
    const ts = member(card, 'ts');
    if (typeof ts === 'string') return { ts };
    const next = member(member(answer.body, 'response_metadata'), 'next_cursor');
    if (typeof next !== 'string' || next === '') return null;
    cursor = next;
  }
  return null;
}

function isCardOf(message: unknown, approval: string): boolean {
  const metadata = member(message, 'metadata');
  return (
    member(metadata, 'event_type') === CARD_EVENT && member(member(metadata, 'event_payload'), 'approval') === approval
  );
}
