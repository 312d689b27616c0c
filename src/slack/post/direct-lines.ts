import type { Approval } from '../../domain/approval/approval.ts';
import { member } from '../../domain/json/json.ts';
import { grantNameOf } from '../../domain/people/principal.ts';
import type { Log } from '../../ports.ts';
import { leftToRight } from '../../text/visible.ts';
import { codeSpan, escapedMrkdwn, localTime, personMention } from '../card/escape.ts';
import type { CardPlace } from '../place/card-place.ts';
import { openDirectMessage } from '../place/direct-message.ts';
import type { SlackApi } from '../wire/api.ts';

/** Sends each person a direct message with a link to the card. Failures are only logged: the card is what counts. */
export async function sendDirectLines(
  api: SlackApi,
  log: Log,
  approval: Approval,
  people: readonly string[],
  place: CardPlace,
): Promise<void> {
  const where = await cardLink(api, place);
  const owner = approval.owner ? personMention(approval.owner) : 'nobody';
  const text = `A call to ${callName(approval)} on behalf of ${owner} is waiting for you. ${where}.`;
  for (const user of people) {
    if (!(await sendDirectly(api, user, text)))
      log.warn({ approval: approval.id, user }, 'an approver could not be sent a direct message');
  }
}

/** Tells a person that what they put aside still waits. Resolves to whether it was sent; never rejects. */
export async function sendReminder(
  api: SlackApi,
  log: Log,
  approval: Approval,
  user: string,
  place: CardPlace | null,
): Promise<boolean> {
  try {
    const where = place === null ? '' : ` ${await cardLink(api, place)}.`;
    const what = `${callName(approval)} for ${codeSpan(grantNameOf(approval.grant))}`;
    const text = `⏰ You snoozed the call to ${what}. It still waits, until ${localTime(approval.expiresAt)}.${where}`;
    return await sendDirectly(api, user, text);
  } catch (error) {
    log.warn({ approval: approval.id, err: error }, 'a reminder could not be sent');
    return false;
  }
}

function callName({ server, tool }: Approval): string {
  return escapedMrkdwn(leftToRight(`${server}.${tool}`));
}

async function cardLink(api: SlackApi, { channel, ts }: CardPlace): Promise<string> {
  const link = await api.call('chat.getPermalink', { channel, message_ts: ts });
  const url = link.ok ? member(link.body, 'permalink') : undefined;
  return typeof url === 'string' ? `<${url}|Open the card>` : `See <#${channel}>`;
}

async function sendDirectly(api: SlackApi, user: string, text: string): Promise<boolean> {
  const conversation = await openDirectMessage(api, user);
  if (!('channel' in conversation)) return false;
  return (await api.call('chat.postMessage', { channel: conversation.channel, text, unfurl_links: false })).ok;
}
