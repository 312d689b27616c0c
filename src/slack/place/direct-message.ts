import { member } from '../../domain/json/json.ts';
import type { SlackApi, SlackFailure } from '../wire/api.ts';

/** Opens the direct messages between the app and a person. `failure` is null if Slack's answer names no channel. */
export async function openDirectMessage(
  api: SlackApi,
  user: string,
): Promise<{ readonly channel: string } | { readonly failure: SlackFailure | null }> {
  const answer = await api.call('conversations.open', { users: user });
  if (!answer.ok) return { failure: answer.failure };
  const channel = member(member(answer.body, 'channel'), 'id');
  return typeof channel === 'string' ? { channel } : { failure: null };
}
