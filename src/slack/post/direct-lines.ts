import type { Approval } from '../../domain/approval/approval.ts';
import { member } from '../../domain/json/json.ts';
import type { Log } from '../../ports.ts';
import { leftToRight } from '../../text/visible.ts';
import { escapedMrkdwn, personMention } from '../card/escape.ts';
import type { CardPlace } from '../place/card-place.ts';
import { openDirectMessage } from '../place/direct-message.ts';
import type { SlackApi } from '../wire/api.ts';

/** Sends each person a direct message with a link to the card. Failures are only logged: the card is what counts. */
export async function sendDirectLines(
  api: SlackApi,
  log: Log,
  approval: Approval,
  people: readonly string[],
  { channel, ts }: CardPlace,
): Promise<void> {
  const link = await api.call('chat.getPermalink', { channel, message_ts: ts });
  const url = link.ok ? member(link.body, 'permalink') : undefined;
  const where = typeof url === 'string' ? `<${url}|Open the card>` : `See <#${channel}>`;
  const call = escapedMrkdwn(leftToRight(`${approval.server}.${approval.tool}`));
  const owner = approval.owner ? personMention(approval.owner) : 'nobody';
  const text = `A call to ${call} on behalf of ${owner} is waiting for you. ${where}.`;
  for (const user of people) {
    const conversation = await openDirectMessage(api, user);
    const isSent =
      'channel' in conversation &&
      (await api.call('chat.postMessage', { channel: conversation.channel, text, unfurl_links: false })).ok;
    if (!isSent) log.warn({ approval: approval.id, user }, 'an approver could not be sent a direct message');
  }
}
